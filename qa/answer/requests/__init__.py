"""Requests: messages that are no questions ("Thanks", "Summarise it") -> what can be offered.

In: the words, a `Retriever`, the article quoted last. Out: a notice, and quotes where there are
any. May import: the retriever, index, types, errors.
"""
