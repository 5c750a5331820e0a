"""Questions and passages -> for each question the wrong passages that look most like right ones."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qa.training.corpus.arrays import FAR, NEAR, Ints, find_starts
from qa.training.corpus.rows import Row

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def find_negatives(
    rows: list[Row],
    questions: list[list[int]],
    passage_tokens: list[NDArray[np.uint16]],
    passage_texts: list[str],
    passage_articles: list[str],
) -> tuple[Ints, Ints]:
    """For each answered question the passages that BM25 ranks highest and that lack its answers.

    Args:
        rows: the questions.
        questions: their wordpieces.
        passage_tokens: those of each passage.
        passage_texts: the words of each, in small letters.
        passage_articles: the article of each, as `Row.article`.

    Returns:
        int64 (q, NEAR) of the same article and (q, FAR) of others: numbers of passages, -1 where
        there are no more.
    """
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

    indptr = find_starts([len(text) for text in texts])
    indices = np.concatenate([np.asarray(text, dtype=np.int32) for text in texts])
    matrix = csr_matrix(
        (np.ones(len(indices), dtype=np.float32), indices, indptr), shape=(len(texts), 30522)
    )
    matrix.sum_duplicates()
    return matrix


def _weigh_bm25(
    documents: "csr_matrix", frequency: Ints, k1: float = 1.2, b: float = 0.75
) -> "csr_matrix":
    """Counts -> BM25 weights of the same shape; `frequency` is how many texts hold each token."""
    total = documents.shape[0]
    idf = np.log(1 + (total - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)
    lengths = np.asarray(documents.sum(axis=1)).ravel()
    norm = np.repeat(k1 * (1 - b + b * lengths / lengths.mean()), np.diff(documents.indptr))
    weights = documents.copy()
    weights.data = idf[weights.indices] * weights.data * (k1 + 1) / (weights.data + norm)
    return weights
