"""Answer: a question -> an `Answer` of quotes, or an honest nothing.

In: a question, the turns before it, an `Index` and a `Reader`. Out: an `Answer`.
May import: index, reader, encoder, types, errors.
"""
