"""Answers and passages as other libraries know them: LangChain, LlamaIndex, Haystack, pandas and
pyarrow.

In: an `Answerer` or a `Retriever`. Out: documents, nodes and tables that keep article, offsets and
score.
May import: evaluation, render, saved, answer and what is below; each module its own library, which
an extra of the same name installs.
"""
