"""Index: passages -> an index on disk, and that index for reading.

In: an articles folder and an encoder. Out: `index/`, and from it an `Index` to search, or a
doctor's findings. May import: articles, encoder, types, errors.
"""
