"""Answer: a question -> an `Answer`: quotes with their confidence, or that there is none.

In: a question, the turns before it, a `SearchIndex` and a `Reader`. Out: an `Answer`.
May import: index, reader, encoder, articles, events, types, errors.
"""
