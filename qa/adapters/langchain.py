"""A question -> LangChain documents: the quotes that answer, or the passages found.

QuoteRetriever(source=Answerer(Retriever.load("index"))).invoke("What was the meeting about?")

As with every LangChain retriever, `ainvoke` runs in a thread, and callbacks are called.
"""

from qa.adapters.metadata import describe, extra_missing, identify, shown_quotes
from qa.answer.answerer import Answerer
from qa.answer.retriever import Retriever
from qa.index.interface import EVERYWHERE, Where
from qa.types import Hit, Quote

try:
    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
except ImportError as error:
    raise extra_missing("langchain") from error


class QuoteRetriever(BaseRetriever):
    """A `BaseRetriever`. An `Answerer` as its source gives quotes, and none where the articles do
    not answer; a `Retriever` gives passages.

    Each document's text is `article.text[start:end]` by its metadata: id, title, author, date, url,
    language and sha256 of the article; start, end, paragraph, score and more.
    """

    source: Answerer | Retriever
    k: int | None = None
    """Number of documents at most; by default that of the source (ten passages)."""
    where: Where = EVERYWHERE
    """Which articles count."""

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
    ) -> list[Document]:
        return [_to_document(found) for found in self._find(query, k or self.k)]

    def _find(self, query: str, k: int | None) -> tuple[Quote, ...] | list[Hit]:
        if isinstance(self.source, Retriever):
            return self.source.retrieve(query, k or 10, where=self.where)
        answerer = self.source if k is None else self.source.with_quotes(k)
        return shown_quotes(answerer.answer(query, where=self.where))


def _to_document(found: Quote | Hit) -> Document:
    metadata = describe(found)
    text = found.text if isinstance(found, Quote) else found.passage.text
    return Document(page_content=text, metadata=metadata, id=identify(metadata))
