"""Isolation: strangers' files -> what is in them, by processes under limits.

In: the bytes of a file and its format. Out: `Contents`, or the picture of a page. May import:
formats, errors.
"""
