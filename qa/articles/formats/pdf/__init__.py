"""PDF -> text whose every line knows its characters on the page; a page -> a picture with boxes.

PDFium (by pypdfium2) does the reading and drawing; the layout is this room's own.
"""
