"""Training: question sets -> the reader's weights and the ranker's (extra `train`; using them needs
none of it).

In: public question sets. Out: `qa/reader/weights` and `qa/answer/ranker.json`.
May import: evaluation, answer, index, reader, types, errors.
"""
