"""Scores of several groups of passages, and their gold answers -> one loss."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from qa.training.model import Scores

_NEVER = -1e4  # stands for minus infinity, without its NaN gradients


class Gold(NamedTuple):
    """The gold answers as tensors: `qa.training.groups.Batch` without its inputs."""

    passage: Tensor  # bool (b, l)
    start: Tensor  # bool (b, l)
    end: Tensor  # bool (b, l)
    sentences: Tensor  # float (b, s, l) averages tokens into sentences
    sentence: Tensor  # bool (b, s)
    has_words: Tensor  # bool (b,) start and end of groups with a row without teach nothing
    group: Tensor  # int64 (b,)


class Losses(NamedTuple):
    """Sums over the groups of a batch, each a scalar; `total` is what is minimised."""

    total: Tensor
    span: Tensor
    sentence: Tensor
    null: Tensor


def measure_losses(scores: Scores, gold: Gold) -> Losses:
    """Losses of spans and sentences, one half shared by a question's passages and one half for each
    passage alone, and the loss of the null score.

    The shared half trains the right passage to score above the others of its question. The other
    half compares each passage with "no answer" at 0, so that scores do not depend on how many
    passages are read.
    """
    single = torch.arange(len(gold.group))
    sentences = pool_sentences(scores.sentence, gold.sentences)
    real = gold.sentences.sum(dim=-1) > 0
    span, sentence = torch.zeros(()), torch.zeros(())
    for group in (gold.group, single):
        share = (
            0.5 * (int(gold.group[-1]) + 1) / (int(group[-1]) + 1)
        )  # both halves weigh alike, per question
        start = shared_loss(scores.start, gold.passage, gold.start, group)
        end = shared_loss(scores.end, gold.passage, gold.end, group)
        # Where words are not marked it is only known that an answer is there, which the other
        # losses teach.
        has_words = (_count_groups(~gold.has_words.unsqueeze(1), group) == 0).float()
        span = span + share * ((start + end) * has_words).sum() / 2
        sentence = sentence + share * shared_loss(sentences, real, gold.sentence, group).sum()
    silent = (~gold.start.any(dim=-1)).float()
    share = (int(gold.group[-1]) + 1) / len(silent)  # per question too
    null = share * binary_cross_entropy_with_logits(scores.null, silent, reduction="sum")
    return Losses(span + sentence + 0.5 * null, span, sentence, null)


def pool_sentences(tokens: Tensor, sentences: Tensor) -> Tensor:
    """(b, s) sentence scores from token scores (b, l) and averaging rows (b, s, l)."""
    return torch.bmm(sentences, tokens.unsqueeze(-1)).squeeze(-1)


def shared_loss(scores: Tensor, allowed: Tensor, gold: Tensor, group: Tensor) -> Tensor:
    """(g,) negative log-likelihood of the gold options among a group's allowed ones and "none" at
    0.

    Likelihoods of several gold options are added: an answer that occurs three times may be found at
    any of its places. Without a gold option, "none" is gold. `scores`, `allowed`, `gold`: (b, n);
    `group`: (b,), ascending.
    """
    everything = _pool_groups(scores.masked_fill(~allowed, _NEVER), group)
    normaliser = torch.logaddexp(everything, torch.zeros_like(everything))
    right = _pool_groups(scores.masked_fill(~gold, _NEVER), group)
    answered = _count_groups(gold, group) > 0
    return normaliser - torch.where(answered, right, torch.zeros_like(right))


def _pool_groups(scores: Tensor, group: Tensor) -> Tensor:
    """Logsumexp over all rows (b, n) of each group -> (g,)."""
    members = group.unsqueeze(0) == torch.arange(int(group[-1]) + 1).unsqueeze(1)  # (g, b)
    rows = scores.logsumexp(dim=-1).unsqueeze(0).expand(len(members), -1)
    return rows.masked_fill(~members, 2 * _NEVER).logsumexp(dim=-1)


def _count_groups(gold: Tensor, group: Tensor) -> Tensor:
    counts = torch.zeros(int(group[-1]) + 1, dtype=torch.int64)
    return counts.index_add(0, group, gold.sum(dim=-1))
