"""Requests: what was typed that is no question -> what this program has to offer instead.

In: the words, a `Retriever`, the article quoted last. Out: a notice, and quotes if there are any.
May import: the retriever, index, types, errors.
"""
