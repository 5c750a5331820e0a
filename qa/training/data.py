"""Folders of articles and questions -> tokenised arrays on disk, with the wrong passages to train
against.

All paragraphs lie behind each other in one array of wordpieces, so a passage is a slice of it and a
gold answer a pair of positions in it: cropping a passage at random costs nothing and needs no
second tokenisation.
"""

import json
import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from qa.evaluation.data_sets import part_of
from qa.training.questions import (
    Pool,
    ask_about,
    ask_whether,
    collect_pool,
    rewrite_question,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Ints = NDArray[np.int64]

MAX_PASSAGE_TOKENS = 128  # passages are runs of whole sentences up to this size
MAX_SENTENCE_TOKENS = 160  # a longer sentence is cut: no passage is longer than this
MAX_QUESTION_TOKENS = 40
NEAR, FAR = 8, 4  # wrong passages kept for each question


@dataclass(frozen=True, slots=True)
class Corpus:
    """Everything a training run reads; one `.npy` file per field.

    Questions come in three kinds: an answered one has gold spans; an unanswerable one (written by
    people, or rewritten by rule) has none, and `focus` names the sentence its passage is cropped
    around.
    """

    tokens: NDArray[np.uint16]  # (t,) wordpieces of all paragraphs
    sentence_starts: Ints  # (s + 1,) into tokens
    paragraph_starts: Ints  # (p + 1,) into sentences
    passages: Ints  # (n, 2) half-open sentence ranges, within a paragraph
    question_tokens: NDArray[np.uint16]  # (u,)
    question_starts: Ints  # (q + 1,) into question_tokens
    focus: Ints  # (q,) sentence
    span_starts: Ints  # (q + 1,) into spans
    spans: Ints  # (g, 2) first and last token of each gold answer
    near: (
        Ints  # (q, NEAR) passages of the same article that lack the answer, BM25's order, -1 padded
    )
    far: Ints  # (q, FAR) the same from other articles
    rewritten_from: Ints  # (q,) question, -1 for real ones
    sentence_only: NDArray[np.bool_]  # (q,) spans say which sentences answer, not which words
    source: Ints  # (q,) index into SOURCES
    training: NDArray[np.bool_]  # (q,)

    @classmethod
    def load(cls, folder: Path) -> "Corpus":
        """Read what `save` wrote."""
        return cls(**{field.name: np.load(folder / f"{field.name}.npy") for field in fields(cls)})

    def save(self, folder: Path) -> None:
        """Write one file per field."""
        folder.mkdir(parents=True, exist_ok=True)
        for field in fields(self):
            np.save(folder / f"{field.name}.npy", getattr(self, field.name))

    def is_answered(self) -> NDArray[np.bool_]:
        """Which questions have gold spans, bool (q,)."""
        return np.diff(self.span_starts) > 0


FOLDERS = (
    "squad1-train",
    "squad2-train-part",
    "qed",
    "selqa",
    "clapnq",
    "timeqa",
    "squadshifts-reddit",
    "squadshifts-amazon",
    "squadshifts-new-wiki",
    "tydi-en",
    "fairytaleqa",
    "onestopqa",
    "qmsum",
    "tatqa",
)
SOURCES = (*FOLDERS, "whether", "about")
"""Folders, and questions made of theirs: whether something happened, and what something was about.
"""
SENTENCES_ONLY = {"selqa", "clapnq", "onestopqa", "qmsum", "whether"}
"""Where whole sentences are marked as answers: they teach which sentence answers, not which words
of it.
"""
LONGEST_SPAN = 25
"""Longer answers, in wordpieces, teach the sentence only, too."""
JOINED_CHARS = 500
"""Paragraphs shorter than this are read with those after them, as passages of an index run over
short paragraphs.
"""


# --- from folders to arrays
# -------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One question on its way into the arrays."""

    article: str  # folder/id
    text: str
    focus: int
    spans: list[tuple[int, int]]
    answers: list[str]
    rewritten_from: int
    source: int
    training: bool
    sentence_only: bool = False


class _Text:
    """Collects paragraphs: tokens with their sentences, and where each character of each article
    went.
    """

    def __init__(self, tokenizer_file: Path) -> None:
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.tokens: list[int] = []
        self.sentence_starts: list[int] = []
        self.sentence_texts: list[str] = []
        self.paragraph_starts: list[int] = [0]
        self.paragraph_articles: list[str] = []

    def add_paragraph(self, article: str, text: str, parts: Sequence[tuple[int, int]]) -> Ints:
        """Takes in one paragraph, or several short ones that stand at `parts` of the text.

        Returns (tokens, 3): start character, end character, position in all tokens.
        """
        import nupunkt

        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        offsets = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
        base = len(self.tokens)
        self.tokens.extend(encoding.ids)
        spans = [
            (low + s, low + e) for low, high in parts for s, e in nupunkt.sent_spans(text[low:high])
        ]
        for start, end in spans:
            first, last = np.searchsorted(offsets[:, 0], (start, end))
            if first < last:  # a "sentence" of nothing but blanks has no tokens
                self.sentence_starts.append(base + int(first))
                self.sentence_texts.append(text[start:end])
        self.paragraph_starts.append(len(self.sentence_starts))
        self.paragraph_articles.append(article)
        return np.column_stack([offsets, np.arange(base, len(self.tokens))])


def read_rows(source: Path, text: _Text) -> list[Row]:
    """The questions of all training folders; an article that two of them hold is read from SQuAD
    2's part.
    """
    rows: list[Row] = []
    repeated = {
        article["id"] for article in _read_lines(source / "squad2-train-part" / "articles.jsonl")
    }
    for number, folder in enumerate(FOLDERS):
        if not (source / folder).is_dir():
            continue
        maps: dict[str, list[tuple[int, Ints]]] = {}
        articles: dict[str, str] = {}
        for article in _read_lines(source / folder / "articles.jsonl"):
            if folder == "squad1-train" and article["id"] in repeated:
                continue
            articles[article["id"]] = article["text"]
            maps[article["id"]] = [
                (
                    start,
                    text.add_paragraph(
                        f"{folder}/{article['id']}", article["text"][start:end], parts
                    ),
                )
                for start, end, parts in join_paragraphs(article["paragraphs"])
            ]
        for question in _read_lines(source / folder / "questions.jsonl"):
            if question["article_id"] in maps:
                row = _read_row(
                    question,
                    folder,
                    articles[question["article_id"]],
                    maps[question["article_id"]],
                    text,
                )
                if row is not None:
                    rows.append(row._replace(source=number))
    return rows


def join_paragraphs(
    paragraphs: Sequence[tuple[int, int]],
) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Start and end of short paragraphs joined to at least JOINED_CHARS, with the parts' places
    from that start on.
    """
    parts: list[tuple[int, int]] = []
    for start, end in paragraphs:
        parts.append((start, end))
        if end - parts[0][0] >= JOINED_CHARS:
            yield (
                parts[0][0],
                end,
                [(first - parts[0][0], last - parts[0][0]) for first, last in parts],
            )
            parts = []
    if parts:
        yield (
            parts[0][0],
            parts[-1][1],
            [(first - parts[0][0], last - parts[0][0]) for first, last in parts],
        )


def _read_row(
    question: dict[str, Any],
    folder: str,
    article: str,
    paragraphs: list[tuple[int, Ints]],
    text: _Text,
) -> Row | None:
    answered = bool(question["answerable"])
    answers = question["answers"] if answered else question.get("plausible_answers", [])
    if not answered and not answers:
        # Any place of its article will do: nothing there answers.
        answers = [
            {"text": article[paragraphs[0][0] : paragraphs[0][0] + 1], "start": paragraphs[0][0]}
        ]
    spans: list[tuple[int, int]] = []
    for answer in answers:
        # An answer that occurs several times has a guessed start: any of its places then counts as
        # gold.
        for start in [answer["start"], *answer.get("other_starts", [])]:
            if article[start : start + len(answer["text"])] == answer["text"]:
                spans += _find_tokens(start, start + len(answer["text"]), paragraphs)
    if not spans:
        return None
    sentence_starts = text.sentence_starts
    focus = (
        bisect_right(sentence_starts, spans[0][0]) - 1
    )  # a list: np.searchsorted would copy it each time
    end = sentence_starts[focus + 1] if focus + 1 < len(sentence_starts) else len(text.tokens)
    if end - sentence_starts[focus] > MAX_SENTENCE_TOKENS:
        return None
    return Row(
        article=f"{folder}/{question['article_id']}",
        text=question["question"],
        focus=focus,
        spans=sorted(set(spans)) if answered else [],
        answers=[answer["text"] for answer in answers] if answered else [],
        rewritten_from=-1,
        source=0,
        training=part_of(folder, question["article_id"]) == "train",
        sentence_only=folder in SENTENCES_ONLY
        or max(last - first for first, last in spans) >= LONGEST_SPAN,
    )


def _find_tokens(start: int, end: int, paragraphs: list[tuple[int, Ints]]) -> list[tuple[int, int]]:
    """First and last token of the characters [start, end) of an article: none or one pair."""
    for base, table in paragraphs[
        max(0, bisect_right(paragraphs, start, key=lambda part: part[0]) - 1) :
    ][:1]:
        inside = table[(table[:, 0] + base < end) & (table[:, 1] + base > start)]
        if len(inside):
            return [(int(inside[0, 2]), int(inside[-1, 2]))]
    return []


def add_rewrites(rows: list[Row], text: _Text, *, seed: int) -> list[Row]:
    """One unanswerable rewrite of each answered question that allows it."""
    rng = random.Random(seed)
    pool: Pool = collect_pool((row.article, row.text) for row in rows if row.training)
    known = {row.text for row in rows}
    rewrites = []
    for number, row in enumerate(rows):
        if not row.spans:
            continue
        around = " ".join(text.sentence_texts[max(0, row.focus - 2) : row.focus + 3])
        changed = rewrite_question(row.text, row.article, pool=pool, rng=rng, passage=around)
        if changed is not None and changed not in known:
            rewrites.append(row._replace(text=changed, spans=[], answers=[], rewritten_from=number))
    return rows + rewrites


def add_made(rows: list[Row], text: _Text, *, seed: int) -> list[Row]:
    """Questions that the folders hardly have, made of what they have: yes or no, and what something
    was about.
    """
    rng = random.Random(seed)
    made = []
    whether, about = SOURCES.index("whether"), SOURCES.index("about")
    for row in rows:
        asked = (
            ask_whether(row.text, row.answers, rng=rng)
            if row.spans and row.rewritten_from < 0
            else None
        )
        if asked is not None:
            made.append(row._replace(text=asked, source=whether, sentence_only=True))
    ends = [*text.sentence_starts[1:], len(text.tokens)]
    articles = {
        sentence: article
        for article, (first, last) in zip(
            text.paragraph_articles, pairwise(text.paragraph_starts), strict=True
        )
        for sentence in range(first, last)
    }
    for number, sentence in enumerate(text.sentence_texts):
        found = ask_about(sentence, rng=rng)
        length = ends[number] - text.sentence_starts[number]
        if found is None or length > MAX_SENTENCE_TOKENS:
            continue
        offsets = text.tokenizer.encode(sentence, add_special_tokens=False).offsets
        inside = [
            n for n, (start, end) in enumerate(offsets) if end > found.start and start < found.end
        ]
        if not inside or inside[-1] >= length:
            continue
        folder, article_id = articles[number].split("/", 1)
        base = text.sentence_starts[number]
        span = (base + inside[0], base + inside[-1])
        training = part_of(folder, article_id) == "train"
        made.append(
            Row(
                articles[number],
                found.question,
                number,
                [span],
                [sentence],
                -1,
                about,
                training,
                len(inside) > LONGEST_SPAN,
            )
        )
    return rows + made


def cut_passages(sentence_starts: Ints, paragraph_starts: Ints) -> Ints:
    """(n, 2) sentence ranges: each paragraph cut into runs of whole sentences of at most
    MAX_PASSAGE_TOKENS.
    """
    passages: list[tuple[int, int]] = []
    for first, last in pairwise(paragraph_starts):
        begin = first
        for sentence in range(first, last):
            if (
                sentence > begin
                and sentence_starts[sentence + 1] - sentence_starts[begin] > MAX_PASSAGE_TOKENS
            ):
                passages.append((begin, sentence))
                begin = sentence
        if begin < last:
            passages.append((begin, last))
    return np.array(passages, dtype=np.int64)


def build(source: Path, tokenizer_file: Path, *, seed: int = 7) -> Corpus:
    """Reads, tokenises, rewrites, and finds the negatives of every answered question."""
    text = _Text(tokenizer_file)
    rows = add_made(add_rewrites(read_rows(source, text), text, seed=seed), text, seed=seed)
    sentence_starts = np.array([*text.sentence_starts, len(text.tokens)], dtype=np.int64)
    paragraph_starts = np.array(text.paragraph_starts, dtype=np.int64)
    passages = cut_passages(sentence_starts, paragraph_starts)
    tokens = np.array(text.tokens, dtype=np.uint16)
    encoded = text.tokenizer.encode_batch([row.text for row in rows], add_special_tokens=False)
    questions = [encoding.ids[:MAX_QUESTION_TOKENS] for encoding in encoded]
    passage_articles = [
        text.paragraph_articles[paragraph]
        for paragraph in np.searchsorted(paragraph_starts, passages[:, 0], side="right") - 1
    ]
    passage_texts = ["".join(text.sentence_texts[first:last]).lower() for first, last in passages]
    passage_tokens = [
        tokens[sentence_starts[first] : sentence_starts[last]] for first, last in passages
    ]
    near, far = find_negatives(rows, questions, passage_tokens, passage_texts, passage_articles)
    return Corpus(
        tokens=tokens,
        sentence_starts=sentence_starts,
        paragraph_starts=paragraph_starts,
        passages=passages,
        question_tokens=np.array(
            [token for question in questions for token in question], dtype=np.uint16
        ),
        question_starts=_starts([len(question) for question in questions]),
        focus=np.array([row.focus for row in rows], dtype=np.int64),
        span_starts=_starts([len(row.spans) for row in rows]),
        spans=np.array([span for row in rows for span in row.spans], dtype=np.int64),
        near=near,
        far=far,
        rewritten_from=np.array([row.rewritten_from for row in rows], dtype=np.int64),
        sentence_only=np.array([row.sentence_only for row in rows]),
        source=np.array([row.source for row in rows], dtype=np.int64),
        training=np.array([row.training for row in rows]),
    )


def find_negatives(
    rows: list[Row],
    questions: list[list[int]],
    passage_tokens: list[NDArray[np.uint16]],
    passage_texts: list[str],
    passage_articles: list[str],
) -> tuple[Ints, Ints]:
    """For each answered question the passages that BM25 ranks highest and that lack its answers."""
    from scipy.sparse import csr_matrix, diags

    documents = _count(passage_tokens)
    frequency = np.asarray((documents > 0).sum(axis=0)).ravel()
    weights = _weigh_bm25(documents, frequency)
    # Words of more than one passage in twenty decide nothing among all articles, and cost nearly
    # all the time.
    rare = weights @ diags((frequency < 0.05 * len(passage_tokens)).astype(np.float32))
    by_article: dict[str, list[int]] = {}
    for number, article in enumerate(passage_articles):
        by_article.setdefault(article, []).append(number)
    near = np.full((len(rows), NEAR), -1, dtype=np.int64)
    far = np.full((len(rows), FAR), -1, dtype=np.int64)

    def keep(ranked: Iterator[int], row: Row, out: Ints) -> None:
        answers = [answer.lower() for answer in row.answers]
        kept = 0
        for passage in ranked:
            if kept == len(out):
                break
            if not any(answer in passage_texts[passage] for answer in answers):
                out[kept] = passage
                kept += 1

    answered = [number for number, row in enumerate(rows) if row.spans]
    of_article: dict[str, list[int]] = {}
    for number in answered:
        of_article.setdefault(rows[number].article, []).append(number)
    for article, numbers in of_article.items():
        own = np.array(by_article[article])
        scores = (_count([questions[number] for number in numbers]) @ weights[own].T).toarray()
        for number, order in zip(numbers, np.argsort(-scores, axis=1, kind="stable"), strict=True):
            keep(iter(own[order[: 6 * NEAR]]), rows[number], near[number])
    for begin in range(0, len(answered), 512):
        numbers = answered[begin : begin + 512]
        scores = csr_matrix(_count([questions[number] for number in numbers]) @ rare.T)
        for line, number in enumerate(numbers):
            part = slice(scores.indptr[line], scores.indptr[line + 1])
            best = scores.indices[part][np.argsort(-scores.data[part], kind="stable")[:40]]
            others = (
                int(passage)
                for passage in best
                if passage_articles[passage] != rows[number].article
            )
            keep(others, rows[number], far[number])
    return near, far


def _count(texts: Sequence[Sequence[int] | NDArray[np.uint16]]) -> "csr_matrix":
    """Wordpiece counts, float32 (texts, vocabulary)."""
    from scipy.sparse import csr_matrix

    indptr = _starts([len(text) for text in texts])
    indices = np.concatenate([np.asarray(text, dtype=np.int32) for text in texts])
    matrix = csr_matrix(
        (np.ones(len(indices), dtype=np.float32), indices, indptr), shape=(len(texts), 30522)
    )
    matrix.sum_duplicates()
    return matrix


def _weigh_bm25(
    documents: "csr_matrix", frequency: Ints, k1: float = 1.2, b: float = 0.75
) -> "csr_matrix":
    total = documents.shape[0]
    idf = np.log(1 + (total - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)
    lengths = np.asarray(documents.sum(axis=1)).ravel()
    norm = np.repeat(k1 * (1 - b + b * lengths / lengths.mean()), np.diff(documents.indptr))
    weights = documents.copy()
    weights.data = idf[weights.indices] * weights.data * (k1 + 1) / (weights.data + norm)
    return weights


def _starts(lengths: list[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


@click.command(help=__doc__)
@click.option(
    "--source",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="Folder of the question sets.",
)
@click.option(
    "--tokenizer",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="The encoder's tokenizer.json.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
def main(source: Path, tokenizer: Path, out: Path) -> None:
    """Build a corpus."""
    corpus = build(source, tokenizer)
    corpus.save(out)
    answered = corpus.is_answered()
    click.echo(
        f"{len(corpus.tokens):,} tokens, {len(corpus.passages):,} passages, {len(answered):,} "
        "questions"
    )
    click.echo(f"answered {answered.sum():,}, rewritten {(corpus.rewritten_from >= 0).sum():,}")
    click.echo(f"held out {(~corpus.training).sum():,}")


if __name__ == "__main__":
    main()
