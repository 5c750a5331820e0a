"""Ask questions of articles and get back the articles' own words.

    from qa import Answerer, Retriever

    retriever = Retriever.load("index")
    answer = Answerer(retriever).answer("What was the meeting about?")

Names are loaded when first used, so that `import qa` costs nothing: no model, no index engine, no
web framework.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qa.answer.answerer import Answerer
    from qa.answer.retriever import Retriever
    from qa.errors import (
        ArticleError,
        EncoderUnavailable,
        IndexBusy,
        IndexDamaged,
        IndexMismatch,
        IndexMissing,
        QAError,
        ReaderUnavailable,
    )
    from qa.index.index import Index
    from qa.types import Answer, Article, Encoder, Hit, Passage, Quote, Reader, Sentence, Span

_HOME = {
    "Answer": "types",
    "Answerer": "answer.answerer",
    "Article": "types",
    "ArticleError": "errors",
    "Encoder": "types",
    "EncoderUnavailable": "errors",
    "Hit": "types",
    "Index": "index.index",
    "IndexBusy": "errors",
    "IndexDamaged": "errors",
    "IndexMismatch": "errors",
    "IndexMissing": "errors",
    "Passage": "types",
    "QAError": "errors",
    "Quote": "types",
    "Reader": "types",
    "ReaderUnavailable": "errors",
    "Retriever": "answer.retriever",
    "Sentence": "types",
    "Span": "types",
}

__all__ = [
    "Answer",
    "Answerer",
    "Article",
    "ArticleError",
    "Encoder",
    "EncoderUnavailable",
    "Hit",
    "Index",
    "IndexBusy",
    "IndexDamaged",
    "IndexMismatch",
    "IndexMissing",
    "Passage",
    "QAError",
    "Quote",
    "Reader",
    "ReaderUnavailable",
    "Retriever",
    "Sentence",
    "Span",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("article-qa")
    if name in _HOME:
        return getattr(import_module(f"qa.{_HOME[name]}"), name)
    raise AttributeError(f"module 'qa' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
