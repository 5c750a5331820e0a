"""A question -> Haystack documents, and extracted answers with their offsets.

    pipeline.add_component("answerer", QuoteAnswerer("index"))

Haystack itself sends telemetry about pipelines, unless HAYSTACK_TELEMETRY_ENABLED is "False" when
it is imported; this module sends nothing.
"""

from typing import Any

from qa.adapters.metadata import describe, extra_missing, identify, shown_quotes
from qa.answer.answerer import Answerer
from qa.answer.retriever import Retriever
from qa.errors import SettingError
from qa.index.interface import EVERYWHERE, Where
from qa.reader import BUNDLED
from qa.types import Hit, Quote

try:
    from haystack import Document, component, default_from_dict, default_to_dict
    from haystack.dataclasses import ExtractedAnswer
except ImportError as error:
    raise extra_missing("haystack") from error


@component
class PassageRetriever:
    """A component that finds passages; a document's content is `article.text[start:end]` by its
    meta.
    """

    def __init__(self, index: str | Retriever = "index", top_k: int = 10) -> None:
        """Set up; an index named by its folder or URI is opened by `warm_up`, and only then can the
        pipeline be written to YAML.
        """
        self.index = index
        self.top_k = top_k
        self._retriever = index if isinstance(index, Retriever) else None

    def warm_up(self) -> None:
        """Open the index."""
        self._retriever = self._retriever or Retriever.load(str(self.index))

    def to_dict(self) -> dict[str, Any]:
        """Called by Haystack to write a pipeline to YAML."""
        values = {"index": _name(self.index), "top_k": self.top_k}
        return default_to_dict(self, **values)  # type: ignore[no-any-return]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "PassageRetriever":
        """For Haystack, which reads them."""
        return default_from_dict(cls, data)  # type: ignore[no-any-return]

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, top_k: int | None = None, where: Where = EVERYWHERE
    ) -> dict[str, list[Document]]:
        """The best passages, at most `top_k`, in the articles that `where` leaves."""
        self.warm_up()
        assert self._retriever is not None
        hits = self._retriever.retrieve(query, top_k or self.top_k, where=where)
        return {"documents": [_to_document(hit) for hit in hits]}


@component
class QuoteAnswerer:
    """A component that answers, or says that the articles do not.

    An answer's `data` are the words that answer (the quote where there is no reader), its `context`
    the quote, its `document` the whole article: both offsets slice to `data`.
    """

    def __init__(
        self, index: str | Answerer = "index", top_k: int = 3, reader: str | None = BUNDLED
    ) -> None:
        """Set up; an index named by its folder or URI is opened by `warm_up`, and only then can the
        pipeline be written to YAML.
        """
        self.index = index
        self.top_k = top_k
        self.reader = reader
        self._answerer = index if isinstance(index, Answerer) else None

    def warm_up(self) -> None:
        """Open the index and load the reader."""
        if self._answerer is None:
            self._answerer = Answerer(Retriever.load(str(self.index)), reader=self.reader)

    def to_dict(self) -> dict[str, Any]:
        """For Haystack, which writes pipelines to YAML."""
        values = {"index": _name(self.index), "top_k": self.top_k, "reader": self.reader}
        return default_to_dict(self, **values)  # type: ignore[no-any-return]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "QuoteAnswerer":
        """For Haystack, which reads them."""
        return default_from_dict(cls, data)  # type: ignore[no-any-return]

    @component.output_types(answers=list[ExtractedAnswer], status=str, confidence=float)
    def run(
        self, query: str, top_k: int | None = None, where: Where = EVERYWHERE
    ) -> dict[str, Any]:
        """The quotes as answers, none where the articles are silent; status and confidence say how
        sure that is.
        """
        self.warm_up()
        assert self._answerer is not None
        answer = self._answerer.with_quotes(top_k or self.top_k).answer(query, where=where)
        return {
            "answers": [_to_answer(query, quote) for quote in shown_quotes(answer)],
            "status": answer.status,
            "confidence": answer.confidence,
        }


def _name(index: str | Retriever | Answerer) -> str:
    if isinstance(index, str):
        return index
    raise SettingError(
        "a component made of an open index cannot be written down: name the index by its folder"
    )


def _to_document(hit: Hit) -> Document:
    meta = describe(hit)
    return Document(id=identify(meta), content=hit.passage.text, meta=meta, score=meta.pop("score"))


def _to_answer(query: str, quote: Quote) -> ExtractedAnswer:
    article, span = quote.article, quote.answer or quote
    meta = describe(quote)
    return ExtractedAnswer(
        query=query,
        score=meta.pop("score"),
        data=article.text[span.start : span.end],
        document=Document(id=article.id, content=article.text, meta={"sha256": article.sha256}),
        context=quote.text,
        document_offset=ExtractedAnswer.Span(span.start, span.end),
        context_offset=ExtractedAnswer.Span(span.start - quote.start, span.end - quote.start),
        meta=meta,
    )
