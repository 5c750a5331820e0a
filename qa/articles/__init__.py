"""Articles: files -> `Article` -> `Passage`, and the folder that holds the files.

In: a folder of files, or the bytes of one. Out: articles, and passages of whole sentences with
their offsets. May import: types, places, errors.
"""
