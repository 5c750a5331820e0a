"""Index: passages -> an index on disk; that index, to search and to examine.

In: an articles folder and an encoder. Out: `index/` or tables at a URI, and from them a
`SearchIndex`, or a doctor's findings. May import: articles, encoder, types, places,
errors.
"""
