"""What stands beside the chat, of files that are more than text."""

from qa.places import CODE, HEADING, ROW, BlockRow, Layout, Origin
from qa.render.source import Mark, source_to_html
from qa.types import Article

PARTS = (
    (HEADING, "The mill"),
    (CODE, "grind wheat\n  twice"),
    (ROW, "rye\t40"),
    (0, "The mill was burned in the winter of 1903."),
)
TEXT = "\n\n".join(words for _, words in PARTS)


def test_code_and_tables_keep_their_lines_and_a_quote_is_marked():
    rows = [
        BlockRow(TEXT.index(words), TEXT.index(words) + len(words), kind=kind)
        for kind, words in PARTS
    ]
    origin = Origin("web page", "html 1", "0" * 64, Layout(tuple(rows)).pack())
    article = Article("mill.html", "The mill", TEXT, "0", origin=origin)
    start = TEXT.index("The mill was")
    shown, window = source_to_html(article, [Mark(start, len(TEXT))])
    assert (window.start, window.end) == (0, len(TEXT))
    assert shown.split("&#10;&#10;") == [
        '<p class="qa-heading" dir="auto">The mill</p>',
        '<p class="qa-body qa-code" dir="auto">grind wheat&#10;  twice</p>',
        '<p class="qa-body qa-row" dir="auto">rye&#9;40</p>',
        '<p class="qa-body" dir="auto"><mark class="qa-current" id="hit" tabindex="-1">'
        "The mill was burned in the winter of 1903.</mark></p>",
    ]
