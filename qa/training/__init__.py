"""Training: question sets -> the reader's weights and the ranker's (needs the extra `train`).

In: public question sets. Out: `qa/reader/weights` and `qa/answer/ranking/ranker.json`; answering
questions needs nothing of this room. May import: evaluation, answer, index, reader, encoder,
articles, types, errors.
"""
