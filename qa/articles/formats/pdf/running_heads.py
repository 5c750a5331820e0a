"""The lines of a PDF -> the same without running heads, running feet and page numbers."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from qa.articles.formats.pdf.document import Bookmark
from qa.articles.formats.pdf.lines import Line, letters

LEAST_HEAD_PAGES = 3
"""On so many pages the same words stand at the same height in a running head."""
EDGE = 0.17
"""Share of a page's height at its top and its foot in which running heads and page numbers stand.
"""
LEAST_GAP = 1.6
"""A running head is apart from the text by so many times the size of its letters."""
HEAD_SHIFT = 1.5
"""Points by which the height of a running head may vary."""


def drop_running_heads(
    lines: Sequence[Line],
    heights: Sequence[float],
    labels: Sequence[str],
    outline: Sequence[Bookmark],
) -> list[Line]:
    """Leave out page numbers, and lines apart from the text that repeat at their height from page
    to page.
    """
    gaps = _find_gaps(lines, heights)
    at_height: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        if id(line) in gaps:
            at_height[round(line.baseline / HEAD_SHIFT)].append(line)
    titles = "\n".join(letters(entry.title) for entry in outline)
    pages = len({line.page for line in lines})
    dropped: set[int] = set()
    for rounded, here in at_height.items():
        near = [*here, *at_height.get(rounded - 1, ()), *at_height.get(rounded + 1, ())]
        words: dict[int, set[str]] = defaultdict(set)
        for line in near:
            words[line.page] |= _words(line)
        counts = Counter(word for some in words.values() for word in some)
        apart = sum(gaps[id(line)] > LEAST_GAP * line.size for line in near)
        is_regular = len(words) >= max(LEAST_HEAD_PAGES, 0.2 * pages) and apart >= 0.8 * len(near)
        is_usual = is_regular and len(words) >= 0.4 * pages
        for line in here:
            is_title = len(line.key) > 3 and line.key in titles
            has_known = any(counts[word] >= LEAST_HEAD_PAGES for word in _words(line))
            if _is_page_number(line, labels) or (
                is_regular and (_repeats(line, counts) or is_title or (is_usual and has_known))
            ):
                dropped.add(id(line))
    return [line for line in lines if id(line) not in dropped]


def _find_gaps(lines: Sequence[Line], heights: Sequence[float]) -> dict[int, float]:
    """The outermost lines near the edges of their pages -> distance to the next line within."""
    by_page: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        by_page[line.page].append(line)
    gaps: dict[int, float] = {}
    for page, some in by_page.items():
        levels = sorted(line.baseline for line in some)
        low, high = levels[0], levels[-1]
        inner_low = next((level for level in levels if level > low + 2 * HEAD_SHIFT), high)
        inner_high = next(
            (level for level in reversed(levels) if level < high - 2 * HEAD_SHIFT), low
        )
        for line in some:
            if line.baseline <= low + 2 * HEAD_SHIFT and line.baseline < EDGE * heights[page]:
                gaps[id(line)] = inner_low - low
            elif (
                line.baseline >= high - 2 * HEAD_SHIFT
                and line.baseline > (1 - EDGE) * heights[page]
            ):
                gaps[id(line)] = high - inner_high
    return gaps


def _words(line: Line) -> set[str]:
    return set(re.findall(r"[^\W\d_]{2,}", line.text.casefold()))


def _repeats(line: Line, counts: Counter[str]) -> bool:
    words = _words(line)
    repeated = sum(len(word) for word in words if counts[word] >= LEAST_HEAD_PAGES)
    return not words or repeated > 0.5 * sum(map(len, words))


def _is_page_number(line: Line, labels: Sequence[str]) -> bool:
    words = line.text.strip(" \t–—-|.[]()")
    return bool(words) and (words == labels[line.page] or words == str(line.page + 1))
