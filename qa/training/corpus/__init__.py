"""Corpus: question sets -> the arrays that the reader is trained on.

In: folders of `articles.jsonl` and `questions.jsonl`, a tokenizer. Out: a `Corpus`, with
unanswerable rewrites and wrong passages. May import: evaluation, errors.
"""
