"""A question -> LlamaIndex nodes with scores, and a response that is our answer with its sources.

QuoteQueryEngine(Answerer(Retriever.load("index"))).query("What was the meeting about?")

Neither needs a language model. What is asked asynchronously runs in a thread.
"""

import asyncio

from qa.adapters.metadata import READABLE, describe, extra_missing, identify, shown_quotes
from qa.answer.answerer import Answerer
from qa.answer.retriever import Retriever
from qa.index.interface import EVERYWHERE, Where
from qa.render.data import answer_to_json
from qa.render.text import answer_to_text
from qa.types import Hit, Quote

try:
    from llama_index.core.base.base_query_engine import BaseQueryEngine
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.base.response.schema import Response
    from llama_index.core.callbacks.base import CallbackManager
    from llama_index.core.prompts.mixin import PromptMixinType
    from llama_index.core.schema import (
        NodeRelationship,
        NodeWithScore,
        QueryBundle,
        RelatedNodeInfo,
        TextNode,
    )
except ImportError as error:
    raise extra_missing("llama-index") from error


class QuoteRetriever(BaseRetriever):
    """A `BaseRetriever`. An `Answerer` as its source gives quotes, and none where the articles do
    not answer; a `Retriever` gives passages, `k` of them.

    A node's text is `article.text[start_char_idx:end_char_idx]`; its source node is the article.
    """

    def __init__(
        self,
        source: Answerer | Retriever,
        *,
        k: int | None = None,
        where: Where = EVERYWHERE,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        self._source = source
        self._k = k
        self._where = where
        super().__init__(callback_manager=callback_manager)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = query_bundle.query_str
        if isinstance(self._source, Retriever):
            hits = self._source.retrieve(query, self._k or 10, where=self._where)
            return [_to_node(hit) for hit in hits]
        answerer = self._source if self._k is None else self._source.with_quotes(self._k)
        answer = answerer.answer(query, where=self._where)
        return [_to_node(quote) for quote in shown_quotes(answer)]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class QuoteQueryEngine(BaseQueryEngine):
    """A `BaseQueryEngine`. The response is the answer as text, quotes
    with their sources or that there is none; its source nodes are the quotes, and its metadata the
    answer's JSON.
    """

    def __init__(
        self,
        answerer: Answerer,
        *,
        where: Where = EVERYWHERE,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        self._answerer = answerer
        self._where = where
        super().__init__(callback_manager)

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}

    def _query(self, query_bundle: QueryBundle) -> Response:
        answer = self._answerer.answer(query_bundle.query_str, where=self._where)
        nodes = [_to_node(quote) for quote in shown_quotes(answer)]
        return Response(answer_to_text(answer), nodes, {"answer": answer_to_json(answer)})

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        return await asyncio.to_thread(self._query, query_bundle)


def _to_node(found: Quote | Hit) -> NodeWithScore:
    metadata = describe(found)
    unread = [name for name in metadata if name not in READABLE]
    node = TextNode(
        id_=identify(metadata),
        text=found.text if isinstance(found, Quote) else found.passage.text,
        start_char_idx=metadata["start"],
        end_char_idx=metadata["end"],
        metadata=metadata,
        excluded_embed_metadata_keys=unread,
        excluded_llm_metadata_keys=unread,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=metadata["id"])},
    )
    return NodeWithScore(node=node, score=metadata["score"])
