"""Evaluation: questions with gold answers -> metrics.

In: a data set's folder or file (ours, SQuAD, BEIR) and an `Answerer`. Out: a `Report` of metrics
and the outcome of each question. May import: answer, index, reader, types, errors.
"""
