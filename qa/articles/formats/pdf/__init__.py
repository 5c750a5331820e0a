"""PDF: bytes -> `Contents` whose every line knows its characters on the page; a page -> a picture.

In: the bytes of a file. Out: as above. PDFium (by pypdfium2) reads and draws; lines, columns,
paragraphs and headings are found here. May import: the formats' `contents`, places.
"""
