"""Adapters: answers and passages for LangChain, LlamaIndex, Haystack, pandas and pyarrow.

In: an `Answerer` or a `Retriever`. Out: documents, nodes and tables with article, offsets and
score. May import: evaluation, render, saved, answer and what is below; each module its own library,
which an extra of the same name installs.
"""
