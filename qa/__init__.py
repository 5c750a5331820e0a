"""Ask questions of articles and get back the articles' own words.

    from qa import Answerer, Retriever, build

    build("index/articles", "index")
    answer = Answerer(Retriever.load("index")).answer("What was the meeting about?")

Names are loaded when first used: `import qa` loads no model, no index engine and no web framework.
"""

TYPE_CHECKING = False  # as type checkers read it; typing itself is not loaded before it is used

if TYPE_CHECKING:
    from qa.answer.answerer import Answerer
    from qa.answer.retriever import Retriever
    from qa.encoder import load_encoder
    from qa.errors import (
        ArticleError,
        ArticleLocked,
        ArticlesMissing,
        BuildStopped,
        DataSetError,
        DiskError,
        EncoderUnavailable,
        ExtraMissing,
        FetchError,
        IndexBusy,
        IndexDamaged,
        IndexMismatch,
        IndexMissing,
        IndexUnreachable,
        PortTaken,
        QAError,
        QuestionError,
        ReaderUnavailable,
        SavedError,
        SettingError,
    )
    from qa.index.build import BuildReport, build
    from qa.index.index import Index
    from qa.index.interface import Where
    from qa.reader import load_reader
    from qa.render import answer_to_json
    from qa.saved import Verdict, verify
    from qa.types import (
        Answer,
        Article,
        Encoder,
        Hit,
        Passage,
        Quote,
        Reader,
        Reading,
        Sentence,
        SentenceReading,
        Span,
        Turn,
    )

_HOME = {
    "Answer": "types",
    "Answerer": "answer.answerer",
    "Article": "types",
    "ArticleError": "errors",
    "ArticleLocked": "errors",
    "ArticlesMissing": "errors",
    "BuildReport": "index.build",
    "BuildStopped": "errors",
    "DataSetError": "errors",
    "DiskError": "errors",
    "Encoder": "types",
    "EncoderUnavailable": "errors",
    "ExtraMissing": "errors",
    "FetchError": "errors",
    "Hit": "types",
    "Index": "index.index",
    "IndexBusy": "errors",
    "IndexDamaged": "errors",
    "IndexMismatch": "errors",
    "IndexMissing": "errors",
    "IndexUnreachable": "errors",
    "Passage": "types",
    "PortTaken": "errors",
    "QAError": "errors",
    "QuestionError": "errors",
    "Quote": "types",
    "Reader": "types",
    "ReaderUnavailable": "errors",
    "Reading": "types",
    "Retriever": "answer.retriever",
    "SavedError": "errors",
    "Sentence": "types",
    "SentenceReading": "types",
    "SettingError": "errors",
    "Span": "types",
    "Turn": "types",
    "Verdict": "saved",
    "Where": "index.interface",
    "answer_to_json": "render",
    "build": "index.build",
    "load_encoder": "encoder",
    "load_reader": "reader",
    "verify": "saved",
}

_SHOWN = {"Answer", "Answerer", "Hit", "Quote", "Retriever"}
"""Names whose values can be shown in a notebook: with them the rendering is loaded."""

__all__ = [
    "Answer",
    "Answerer",
    "Article",
    "ArticleError",
    "ArticleLocked",
    "ArticlesMissing",
    "BuildReport",
    "BuildStopped",
    "DataSetError",
    "DiskError",
    "Encoder",
    "EncoderUnavailable",
    "ExtraMissing",
    "FetchError",
    "Hit",
    "Index",
    "IndexBusy",
    "IndexDamaged",
    "IndexMismatch",
    "IndexMissing",
    "IndexUnreachable",
    "Passage",
    "PortTaken",
    "QAError",
    "QuestionError",
    "Quote",
    "Reader",
    "ReaderUnavailable",
    "Reading",
    "Retriever",
    "SavedError",
    "Sentence",
    "SentenceReading",
    "SettingError",
    "Span",
    "Turn",
    "Verdict",
    "Where",
    "answer_to_json",
    "build",
    "load_encoder",
    "load_reader",
    "verify",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("article-qa")
    if name in _HOME:
        from importlib import import_module

        if name in _SHOWN:
            import_module("qa.render.notebook")
        return getattr(import_module(f"qa.{_HOME[name]}"), name)
    raise AttributeError(f"module 'qa' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
