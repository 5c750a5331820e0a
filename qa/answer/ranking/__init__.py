"""Ranking: a question's hits and their readings -> sentences in order, and a confidence.

In: a `Retrieved`, a `Reader`. Out: `Candidates`, their scores, the probability that the first one
answers. May import: the retriever and thresholds of answer, index, types.
"""
