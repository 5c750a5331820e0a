"""What several formats share: blocks -> `Contents`, zip archives with XML in them, parsed HTML.

In: what a format's module finds in a file. Out: `Contents`, or the error that the file gets. May
import: places.
"""
