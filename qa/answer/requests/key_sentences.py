"""An article -> its key sentences: those most like all its others, in its own words and order."""

import numpy as np

from qa.index.interface import SearchIndex
from qa.types import Article, Passage, Quote, Sentence, Span, Vectors

MOST_PASSAGES = 60
"""Of a longer article, the passages most like the whole of it are looked at."""
LEAST_WORDS = 6
"""Shorter sentences are too seldom understood alone."""
FULL_WORDS = 15
"""A shorter sentence, which says little though it be near everything, counts for less."""
SAMENESS = 0.5
"""How much a sentence loses for being like one that is chosen already."""


def find_key_sentences(index: SearchIndex, article: Article, *, most: int = 5) -> tuple[Quote, ...]:
    """At most so many sentences of an article, in its order; each one's score is its mean
    similarity to the others, 0 to 1.
    """
    passages = _pick_passages(index, article)
    vectors = index.sentence_vectors(passages)
    seen: dict[int, tuple[Sentence, Vectors]] = {}
    sentences = [sentence for passage in passages for sentence in passage.sentences]
    for sentence, vector in zip(sentences, vectors, strict=True):
        text = article.text[sentence.start : sentence.end]
        if sentence.kind == "body" and len(text.split()) >= LEAST_WORDS and text[-1] not in "?؟":
            seen[sentence.start] = (sentence, vector)
    if not seen:
        return ()
    kept = [seen[start] for start in sorted(seen)]
    likeness = np.stack([vector for _, vector in kept])
    likeness = likeness @ likeness.T
    words = [len(article.text[s.start : s.end].split()) for s, _ in kept]
    central = likeness.mean(axis=1) * np.minimum(1, np.array(words) / FULL_WORDS)
    chosen: list[int] = []
    while len(chosen) < min(most, len(kept)):
        repeated = likeness[:, chosen].max(axis=1) if chosen else np.zeros(len(kept))
        worth = central - SAMENESS * np.clip(repeated, 0, 1) * central.max()
        worth[chosen] = -np.inf
        chosen.append(int(worth.argmax()))
    return tuple(
        Quote(
            article,
            kept[n][0].start,
            kept[n][0].end,
            kept[n][0].paragraph,
            round(float(np.clip(central[n], 0, 1)), 4),
        )
        for n in sorted(chosen)
    )


def _pick_passages(index: SearchIndex, article: Article) -> list[Passage]:
    ids = sorted(index.find_nearby(article.id, Span(0, len(article.text)), len(index)))
    if len(ids) > MOST_PASSAGES:
        vectors = index.passage_vectors(ids)
        rows = np.stack([vectors[i] for i in ids])
        nearest = np.argsort(-(rows @ rows.mean(axis=0)), kind="stable")[:MOST_PASSAGES]
        ids = [ids[n] for n in sorted(nearest)]
    found = index.get_passages(ids)
    return [found[i] for i in ids]
