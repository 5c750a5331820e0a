"""Evaluation: questions with gold answers -> figures.

In: a data set's folder. Out: a `Report` and the outcome of each question.
May import: answer, index, reader, types, errors.
"""
