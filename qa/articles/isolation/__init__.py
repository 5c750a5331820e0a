"""Isolation: files of unknown origin -> what is in them, read by processes under limits.

In: the bytes of a file and its format. Out: `Contents`, or the picture of a page; a file that
exceeds a limit raises a FormatError. May import: formats, errors.
"""
