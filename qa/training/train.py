"""A corpus and a checkpoint -> a better checkpoint, trained for a given time, with interruptions.

The learning rate depends on the time, not on the number of steps: on a shared machine the number of
steps in a night is unknown, but the rate has to be zero at the end.
"""

import json
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import click
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qa.evaluation.metrics import auroc
from qa.training.corpus.arrays import Corpus
from qa.training.groups import (
    Batch,
    Group,
    Mix,
    Pair,
    dev_groups,
    draw_order,
    make_batch,
    make_group,
)
from qa.training.loss import Gold, measure_losses, pool_sentences
from qa.training.model import ReaderModel, Scores

STATE_FILE, LOG_FILE = "state.pt", "log.jsonl"


@dataclass(frozen=True, slots=True)
class Plan:
    """The hyperparameters of a run."""

    seconds: float
    """Length of the whole run, all its interrupted parts together."""
    peak: float = 1.5e-4
    warm_up: float = 0.03
    """Share of the run in which the learning rate rises to its peak."""
    pairs: int = 28
    """Pairs a step, about."""
    pool: int = 640
    """Groups that are sorted by length before they are cut into batches."""
    threads: int = 2
    frozen_layers: int = 2
    weight_decay: float = 0.01
    clip: float = 1.0
    bfloat16: bool = False
    """Whether matrix products are computed in bfloat16: half the time where the processor can."""
    average: float = 0.996
    """Decay of the moving average of the weights: it remembers some 1 / (1 - average) steps."""
    log_steps: int = 50
    save_seconds: float = 240
    dev_seconds: float = 900
    dev_questions: int = 200
    seed: int = 7
    mix: Mix = field(default_factory=Mix)


class Position(NamedTuple):
    """The position in the endless sequence of batches."""

    epoch: int = 0
    pool: int = 0
    batch: int = 0


def learning_rate(progress: float, plan: Plan) -> float:
    """The rate at a progress of 0 to 1: linear warm-up, then linear decay to 0."""
    if progress < plan.warm_up:
        return plan.peak * progress / plan.warm_up
    return plan.peak * max(0.0, 1 - progress) / (1 - plan.warm_up)


# --- batches
# --------------------------------------------------------------------------------------------------


def draw_batches(
    corpus: Corpus, plan: Plan, position: Position
) -> Iterator[tuple[Position, list[Group]]]:
    """All batches of groups from a position on, each with the position after it; the sequence is
    deterministic.
    """
    epoch, pool, skip = position
    while True:
        order = draw_order(corpus, plan.mix, seed=plan.seed, epoch=epoch)
        for number in range(pool, math.ceil(len(order) / plan.pool)):
            rng = np.random.default_rng((plan.seed, epoch, number))
            questions = order[number * plan.pool : (number + 1) * plan.pool]
            groups = [
                make_group(corpus, plan.mix, int(question), rng=rng) for question in questions
            ]
            batches = cut_batches(groups, pairs=plan.pairs)
            for batch, place in enumerate(rng.permutation(len(batches))):
                if batch >= skip:
                    yield Position(epoch, number, batch + 1), batches[place]
            skip = 0
        epoch, pool = epoch + 1, 0


def cut_batches(groups: list[Group], *, pairs: int) -> list[list[Group]]:
    """Groups in batches of similar length, to save padding; at least `pairs` pairs in each but
    the last.
    """
    batches: list[list[Group]] = [[]]
    for group in sorted(
        (group for group in groups if group), key=lambda group: max(map(_measure, group))
    ):
        if sum(map(len, batches[-1])) >= pairs:
            batches.append([])
        batches[-1].append(group)
    return batches


def _measure(pair: Pair) -> int:
    return len(pair.question) + pair.last - pair.first


def run_model(model: ReaderModel, batch: Batch) -> Scores:
    """The model's scores of a batch."""
    scores: Scores = model(*(torch.from_numpy(part) for part in batch[:3]))
    return scores


def take_gold(batch: Batch) -> Gold:
    """The gold answers of a batch as tensors."""
    return Gold(*(torch.from_numpy(part) for part in batch[3:]))


def start_workers(threads: int) -> ThreadPoolExecutor:
    """A pool of threads that each compute a part of a batch on one core.

    Splitting each matrix product over the cores needs hundreds of barriers a step. On a shared
    machine that was several times slower, because each barrier waits for the busiest core.
    """
    return ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))


# --- a run
# --------------------------------------------------------------------------------------------------


class Run:
    """The state of a run: model, averaged model, optimiser, position in the data, time spent."""

    def __init__(self, corpus: Corpus, plan: Plan, start: Path) -> None:
        self.corpus, self.plan = corpus, plan
        self.model, self.averaged = ReaderModel.load(start), ReaderModel.load(start)
        self.model.freeze(plan.frozen_layers)
        self.averaged.requires_grad_(False)
        self.weights = {
            name: weight for name, weight in self.model.named_parameters() if weight.requires_grad
        }
        averaged = dict(self.averaged.named_parameters())
        self.averages: list[Tensor] = [averaged[name] for name in self.weights]
        # Biases and layer norms are not decayed, as usual.
        kinds = [
            [weight for weight in self.weights.values() if (weight.dim() > 1) == matrix]
            for matrix in (True, False)
        ]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": kinds[0], "weight_decay": plan.weight_decay},
                {"params": kinds[1], "weight_decay": 0.0},
            ],
            lr=plan.peak,
            betas=(0.9, 0.98),
            foreach=True,
        )
        self.workers = start_workers(plan.threads)
        self.position = Position()
        self.steps, self.pairs, self.seconds = 0, 0, 0.0

    def step(self, groups: list[Group]) -> NDArray[np.float64]:
        """Train on some groups; returns (groups, total, span, sentence, null), the losses summed
        over groups.
        """
        self.model.train()
        for options in self.optimiser.param_groups:
            options["lr"] = learning_rate(self.seconds / self.plan.seconds, self.plan)
        # Neighbours are of like length, so every worker gets about the same work.
        parts = [groups[first :: self.plan.threads] for first in range(self.plan.threads)]
        losses, gradients = zip(*self.workers.map(self._measure, filter(None, parts)), strict=True)
        for weight, *shares in zip(self.weights.values(), *gradients, strict=True):
            weight.grad = torch.stack(shares).sum(dim=0).div_(len(groups))
        torch.nn.utils.clip_grad_norm_(self.weights.values(), self.plan.clip)
        self.optimiser.step()
        self.steps += 1
        self.pairs += sum(map(len, groups))
        # The first averages would otherwise remember little but the start.
        decay = min(self.plan.average, self.steps / (self.steps + 10))
        with torch.no_grad():
            torch._foreach_lerp_(self.averages, tuple(self.weights.values()), 1 - decay)
        return np.array([len(groups), *np.sum(losses, axis=0)])

    def _measure(self, groups: list[Group]) -> tuple[list[float], tuple[Tensor, ...]]:
        batch = make_batch(self.corpus, groups)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.plan.bfloat16):
            scores = run_model(self.model, batch)
        losses = measure_losses(Scores(*(part.float() for part in scores)), take_gold(batch))
        return [float(loss.detach()) for loss in losses], torch.autograd.grad(
            losses.total, list(self.weights.values())
        )

    def save(self, folder: Path) -> None:
        """Write all that is needed to resume, atomically."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "position": list(self.position),
            "steps": self.steps,
            "pairs": self.pairs,
            "seconds": self.seconds,
        }
        draft = folder / f"{STATE_FILE}.draft"
        torch.save(state, draft)
        draft.replace(folder / STATE_FILE)

    def restore(self, folder: Path) -> None:
        """Read what `save` wrote."""
        state: dict[str, Any] = torch.load(folder / STATE_FILE, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.position = Position(*state["position"])
        self.steps, self.pairs, self.seconds = state["steps"], state["pairs"], state["seconds"]


def train(
    run: Run,
    folder: Path,
    *,
    is_stopped: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Train until the time is up (returns True) or `is_stopped` says so (False); the state is
    saved in the folder.
    """
    plan = run.plan
    last = clock()
    saved = run.seconds
    evaluated = plan.dev_seconds * (run.seconds // plan.dev_seconds)
    sums, pairs, since = np.zeros(5), run.pairs, run.seconds
    for position, groups in draw_batches(run.corpus, plan, run.position):
        if run.seconds >= plan.seconds or is_stopped():
            break
        sums += run.step(groups)
        run.position = position
        now = clock()
        run.seconds, last = run.seconds + now - last, now
        if run.steps % plan.log_steps == 0:
            speed = (run.pairs - pairs) / max(run.seconds - since, 1e-9)
            _log(folder, run, {"pairs_per_second": speed, **_name_losses(sums)})
            sums, pairs, since = np.zeros(5), run.pairs, run.seconds
        if run.seconds - evaluated >= plan.dev_seconds:
            evaluated = run.seconds
            _log(folder, run, {"dev": evaluate(run.averaged, run.corpus, count=plan.dev_questions)})
        if run.seconds - saved >= plan.save_seconds:
            saved = run.seconds
            run.save(folder)
    run.save(folder)
    return run.seconds >= plan.seconds


def _name_losses(sums: NDArray[np.float64]) -> dict[str, float]:
    return dict(
        zip(
            ("loss", "span", "sentence", "null"),
            map(float, sums[1:] / max(sums[0], 1)),
            strict=True,
        )
    )


def _log(folder: Path, run: Run, metrics: dict[str, Any]) -> None:
    """Append a line of JSON to the log in the folder."""
    line = {
        "steps": run.steps,
        "pairs": run.pairs,
        "seconds": round(run.seconds),
        "rate": learning_rate(run.seconds / run.plan.seconds, run.plan),
        **metrics,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG_FILE).open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")


# --- how good it is
# --------------------------------------------------------------------------------------------------


class PairScores(NamedTuple):
    """The scores of one pair, for metrics on held-out questions."""

    sentences: NDArray[np.float32]  # (s,) a score per sentence: of the sentence head
    spans: NDArray[np.float32]  # (s,) of the span head: best start + best end
    gold: NDArray[np.bool_]  # (s,)
    null: float


def score_pairs(
    model: ReaderModel, corpus: Corpus, pairs: list[Pair], *, threads: int = 2
) -> list[PairScores]:
    """Scores of pairs, in their order."""
    model.eval()
    order = sorted(range(len(pairs)), key=lambda number: _measure(pairs[number]))
    parts = [order[begin : begin + 16] for begin in range(0, len(order), 16)]

    def score(numbers: list[int]) -> list[PairScores]:
        return _score_part(model, make_batch(corpus, [[pairs[number]] for number in numbers]))

    with start_workers(threads) as workers:
        scores = [score for part in workers.map(score, parts) for score in part]
    return [scores[place] for place in np.argsort(order)]


def _score_part(model: ReaderModel, batch: Batch) -> list[PairScores]:
    with torch.inference_mode():
        scores = run_model(model, batch)
        rows = torch.from_numpy(batch.sentences)
        sentences = pool_sentences(scores.sentence, rows).numpy()
        spans = (_best_in(scores.start, rows) + _best_in(scores.end, rows)).numpy()
    out = []
    for row, places in enumerate(batch.sentences):
        real = places.any(axis=-1)
        null = float(scores.null[row])
        out.append(
            PairScores(sentences[row, real], spans[row, real], batch.sentence[row, real], null)
        )
    return out


def _best_in(tokens: Tensor, sentences: Tensor) -> Tensor:
    """(b, s) best token score (b, l) of each sentence (b, s, l)."""
    return tokens.unsqueeze(1).masked_fill(sentences == 0, -1e4).amax(dim=-1)


def evaluate(model: ReaderModel, corpus: Corpus, *, count: int) -> dict[str, float]:
    """Metrics on held-out questions.

    `sentence` and `span`: how often that head's best sentence holds the answer, given the right
    passage (`_right`), or that and wrong passages of the article (`_among`); `both`: the two scores
    added. `auroc_rewritten`, `auroc_absent`: how well the null score separates an answered question
    from a rewritten one, and the right passage from wrong ones.
    """
    answered, rewritten = dev_groups(corpus, count=count)
    pairs = [pair for group in (*answered, *rewritten) for pair in group]
    scores = iter(score_pairs(model, corpus, pairs))
    groups = [[next(scores) for _ in group] for group in answered]
    changed = [[next(scores) for _ in group] for group in rewritten]
    metrics: dict[str, float] = {}
    kinds: dict[str, Callable[[PairScores], NDArray[np.float32]]] = {
        "sentence": lambda pair: pair.sentences,
        "span": lambda pair: pair.spans,
        "both": lambda pair: pair.sentences + np.float32(0.5) * pair.spans,
    }
    for name, kind in kinds.items():
        metrics[f"{name}_right"] = float(
            np.mean([group[0].gold[kind(group[0]).argmax()] for group in groups])
        )
        metrics[f"{name}_among"] = float(
            np.mean(
                [
                    np.concatenate([pair.gold for pair in group])[
                        np.concatenate(list(map(kind, group))).argmax()
                    ]
                    for group in groups
                ]
            )
        )
    right = np.array([-group[0].null for group in groups])
    wrong = {
        "auroc_rewritten": np.array([-group[0].null for group in changed]),
        "auroc_absent": np.array([-pair.null for group in groups for pair in group[1:]]),
    }
    for name, negative in wrong.items():
        labels = np.repeat([True, False], [len(right), len(negative)])
        metrics[name] = auroc(np.concatenate([right, negative]), labels)
    return metrics


@click.command(help=__doc__)
@click.option(
    "--corpus",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="Folder made by qa.training.corpus.build.",
)
@click.option(
    "--start",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="Checkpoint to start from.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the run; one that exists is resumed.",
)
@click.option("--minutes", type=float, required=True, help="Length of the whole run.")
@click.option("--threads", type=int, default=2, show_default=True)
@click.option(
    "--peak", type=float, default=1.5e-4, show_default=True, help="The highest learning rate."
)
@click.option(
    "--seed",
    type=int,
    default=7,
    show_default=True,
    help="Another one for each round: it orders the data.",
)
@click.option(
    "--bfloat16/--float32", default=None, help="By default as the processor does it faster."
)
def main(
    corpus: Path,
    start: Path,
    state: Path,
    minutes: float,
    threads: int,
    peak: float,
    seed: int,
    bfloat16: bool | None,
) -> None:
    """Train, resuming from the state folder; the averaged weights are written to its `final`."""
    torch.set_num_threads(1)  # of each worker; the work is split between them
    stop = False

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        nonlocal stop
        stop = True

    signal.signal(signal.SIGTERM, ask_to_stop)
    if bfloat16 is None:
        bfloat16 = bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    plan = Plan(seconds=60 * minutes, peak=peak, threads=threads, bfloat16=bfloat16, seed=seed)
    run = Run(Corpus.load(corpus), plan, start)
    if (state / STATE_FILE).exists():
        run.restore(state)
    _log(state, run, {"process": os.getpid()})
    if train(run, state, is_stopped=lambda: stop):
        run.averaged.save(state / "final")
        _log(state, run, {"dev": evaluate(run.averaged, run.corpus, count=run.plan.dev_questions)})


if __name__ == "__main__":
    main()
