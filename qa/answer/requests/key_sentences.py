"""An article -> its key sentences: those most similar to all the others, in their order."""

import numpy as np

from qa.index.interface import SearchIndex
from qa.types import Article, Passage, Quote, Sentence, Span, Vectors

MOST_PASSAGES = 60
"""Of a longer article, only the passages most similar to the mean of all are used."""
LEAST_WORDS = 6
"""Shorter sentences are left out: they are often not understood alone."""
FULL_WORDS = 15
"""Shorter sentences are weighted down: they are similar to many others, but say little."""
SAMENESS = 0.5
"""How much similarity to a sentence already chosen is subtracted (maximal marginal relevance)."""


def find_key_sentences(index: SearchIndex, article: Article, *, most: int = 5) -> tuple[Quote, ...]:
    """At most `most` sentences of an article, in its order; the score of each is its mean
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
