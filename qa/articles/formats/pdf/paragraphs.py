"""The lines of a PDF -> paragraphs, headings, code and rows of tables, as groups of lines.

Judged by distances between lines, indents, sizes of letters and how far lines fill their column.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from qa.articles.formats.pdf.joining import WIDE
from qa.articles.formats.pdf.lines import CELL_GAP, Line
from qa.places import BODY, CODE, HEADING, ROW

BULLET = re.compile(
    r"(?:[•‣▪◦●■∙·*–—-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)]|\[\d{1,3}\])(?=[ \xa0\t])"
)
"""What an item of a list begins with, such as "•", "3.", "(a)", "[12]"."""
_TERMINAL = re.compile(r"[.!?:;…。！？：；؟۔][\"'”’»)\]]*$")
_LEADER = re.compile(r"(?:[. ] ?\.){4,}\s*[\divxlc]+$")


def group_lines(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Lines -> those of one paragraph, heading, row or piece of code together."""
    leading = _find_leading(lines)
    edges = _find_edges(lines)
    block: list[Line] = []
    for line in lines:
        if block and _begins_block(block, line, leading, edges):
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def _find_leading(lines: Sequence[Line]) -> dict[float, float]:
    """Size of letters -> usual distance between two lines."""
    steps: dict[float, list[float]] = defaultdict(list)
    for above, below in pairwise(lines):
        step = above.baseline - below.baseline
        if (
            above.flow == below.flow
            and 0.8 * below.size < step < 2.2 * below.size
            and abs(above.size - below.size) < 0.6
        ):
            steps[round(below.size)].append(step)
    found = {}
    for size, some in steps.items():
        counts = Counter(round(step * 2) / 2 for step in some)
        most = max(counts.values())
        # The narrowest step that is common: wider ones divide paragraphs.
        found[size] = min(step for step, count in counts.items() if count >= max(1, 0.25 * most))
    return found


def _find_edges(lines: Sequence[Line]) -> dict[int, tuple[float, float]]:
    """Flow -> left and right edge of its column."""
    flows: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        flows[line.flow].append(line)
    edges = {}
    for flow, some in flows.items():
        rights = sorted(line.right for line in some)
        edges[flow] = (median(line.left for line in some), rights[-1 - len(rights) // 20])
    return edges


def _begins_block(
    block: Sequence[Line],
    line: Line,
    leading: dict[float, float],
    edges: dict[int, tuple[float, float]],
) -> bool:
    """Whether a line begins a new group, rather than going on from the last line of `block`."""
    above, first = block[-1], block[0]
    if abs(line.size - above.size) > 0.12 * max(line.size, above.size):
        return True
    if (
        "\t" in line.text
        or "\t" in above.text
        or _LEADER.search(above.text)
        or BULLET.match(line.text)
    ):
        return True
    if above.is_hyphenated:
        return False
    left, right = edges[above.flow]
    if line.flow != above.flow:
        # On into the next column or page, unless a sentence ends there.
        if above.is_fixed or line.is_fixed or first.is_bold != line.is_bold:
            return True
        next_left = edges[line.flow][0]
        is_indented = line.left > next_left + 0.5 * line.size
        goes_on = not _TERMINAL.search(above.text) or line.text[0].islower()
        return not (
            goes_on
            and not is_indented
            and (above.right > right - 6 * above.size or line.text[0].islower())
        )
    if above.is_fixed and line.is_fixed and first.is_fixed and all(one.is_fixed for one in block):
        usual = leading.get(round(line.size), 1.2 * line.size)
        return above.baseline - line.baseline > 2.6 * usual
    usual = leading.get(round(line.size), 1.2 * line.size)
    step = above.baseline - line.baseline
    if step > 1.22 * usual + 0.5:
        return True
    if step < 0.4 * line.size:  # beside it, on one line
        return line.left - above.right > CELL_GAP * line.size
    if first.is_bold != line.is_bold and above.is_bold != line.is_bold and above.is_bold:
        return above.right < right - 3 * above.size
    indent = line.left - above.left
    hangs = len(block) == 1 and bool(BULLET.match(first.text))
    if indent > 0.6 * line.size and not hangs and not (len(block) == 1 and indent > 6 * line.size):
        return len(block) > 1 or first.left <= left + 0.5 * line.size
    room = right - above.right
    word = _first_word_width(line)
    is_start = line.text[0].isupper() or WIDE.match(line.text) is not None
    return room > word + 0.5 * line.size and _TERMINAL.search(above.text) is not None and is_start


def _first_word_width(line: Line) -> float:
    letters = max(1, len(line.text))
    word = 1 if WIDE.match(line.text) else len(re.split(r"[ \xa0\t]", line.text, maxsplit=1)[0])
    return (line.right - line.left) * word / letters


def find_kind(block: Sequence[Line], body_size: float) -> int:
    """BODY, HEADING, CODE or ROW; `body_size` is the most frequent size of letters, in points."""
    if any("\t" in line.text for line in block):
        return ROW
    if all(line.is_fixed for line in block):
        return CODE
    words = sum(len(line.text) for line in block)
    is_large = min(line.size for line in block) > 1.12 * body_size
    is_bold = (
        all(line.is_bold for line in block)
        and len(block) == 1
        and min(li.size for li in block) >= body_size - 0.1
    )
    if (is_large or is_bold) and words < 150 and not re.search(r"[.;,:]$", block[-1].text):
        return HEADING
    return BODY
