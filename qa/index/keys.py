"""Passages -> the texts that are encoded for them, and the keys under which their vectors are
kept.
"""

from hashlib import blake2b

from qa.types import Passage


def vector_key(text: str, salt: str = "") -> bytes:
    """Key under which the vector of `text` is kept: 16 bytes of its BLAKE2b hash.

    The salt keeps vectors of one encoder apart from those of another, while an index changes over.
    """
    return blake2b(
        text.encode("utf-8", "surrogatepass"), digest_size=16, key=salt.encode()[:64]
    ).digest()


def passage_text(passage: Passage) -> str:
    """What is encoded for a passage: its title gives context, without being part of it."""
    text = " ".join(passage.text.split())
    return f"{passage.article.title}. {text}"


def sentence_texts(passage: Passage) -> list[str]:
    """What is encoded for the sentences of a passage: their words, on one line each."""
    text = passage.article.text
    return [" ".join(text[sentence.start : sentence.end].split()) for sentence in passage.sentences]
