"""Files with known contents -> how much of them the readers of formats find, and what it costs.

python -m tests.benchmarks.formats ../shared/formats
"""

import json
import random
import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from time import process_time

from lxml import html

from qa.articles.formats.contents import FormatError
from qa.articles.formats.html import read_html
from qa.articles.formats.pdf.document import open_document
from qa.articles.formats.pdf.read import read_pdf

RANGES = 800


def squeeze(words: str) -> str:
    """Words without white space, since a line break is a space or nothing."""
    return "".join(words.split())


def measure_pdf(folder: Path) -> None:
    """The paragraphs of a book's web pages, looked for in its PDF."""
    started = process_time()
    contents = read_pdf((folder / "pdf/debmake-doc.en.pdf").read_bytes())
    seconds = process_time() - started
    blocks = {squeeze(contents.text[b.start + b.marker : b.end]) for b in contents.blocks}
    whole = squeeze(contents.text)
    gold = []
    for path in sorted((folder / "html/debmake-doc.en").glob("*.html")):
        tree = html.fromstring(path.read_bytes())
        gold += [squeeze(p.text_content()) for p in tree.iter("p")]
    gold = [words for words in gold if len(words) >= 20]
    verbatim = sum(words in whole for words in gold) / len(gold)
    exact = sum(words in blocks for words in gold) / len(gold)
    pages = len(contents.labels)
    print(f"PDF: {len(gold)} paragraphs, verbatim {verbatim:.3f}, one block {exact:.3f}")
    print(f"PDF: {pages} pages, {1000 * seconds / pages:.1f} ms CPU a page")


def compared(words: str) -> Counter[str]:
    """Characters that text and page must share: ligatures as letters; spaces, hyphens and signs
    without meaning aside, and lam and alef, whose two letters a range may part.
    """
    plain = (char for char in unicodedata.normalize("NFKC", words) if char.isprintable())
    return Counter(
        char
        for char in plain
        if not char.isspace() and char not in "-\ufffe\u0644\u0627\u0623\u0625\u0622"
    )


def measure_places(folder: Path) -> None:
    """Random ranges of texts against the characters of the pages where they are said to stand."""
    draw = random.Random(1)
    tried = wrong = 0
    for path in sorted((folder / "pdf").glob("*.pdf")):
        try:
            contents = read_pdf(path.read_bytes())
        except FormatError:
            continue
        pages = read_characters(path.read_bytes())
        for _ in range(RANGES):
            start = draw.randrange(len(contents.text))
            end = min(len(contents.text), start + draw.randrange(1, 300))
            found = ""
            for part in contents.layout.find_characters(start, end):
                found += pages[part.page - 1][part.first : part.first + part.chars]
            tried += 1
            wrong += compared(contents.text[start:end]) != compared(found)
    print(f"places: {wrong} of {tried} random ranges are not what their page has there")


def read_characters(data: bytes) -> list[str]:
    """The characters of each page of a PDF."""
    pages = []
    with open_document(data) as (pdfium, document):
        for number in range(pdfium.FPDF_GetPageCount(document)):
            text = pdfium.FPDFText_LoadPage(pdfium.FPDF_LoadPage(document, number))
            count = range(pdfium.FPDFText_CountChars(text))
            pages.append("".join(chr(pdfium.FPDFText_GetUnicode(text, n)) for n in count))
    return pages


def measure_pages(folder: Path) -> None:
    """Strings that an article must hold and must not, and token F1 against Readability's."""
    expected = json.loads((folder / "html/pages/expected.json").read_text())
    counts: Counter[str] = Counter()
    for name, wanted in expected.items():
        text = " ".join(read_html((folder / "html/pages" / name).read_bytes()).text.split())
        for kind in ("with", "without"):
            for words in wanted.get(kind, ()):
                counts[kind] += 1
                counts[f"{kind} met"] += (" ".join(words.split()) in text) == (kind == "with")
    print(f"web pages: {dict(counts)}")
    scores, spent = [], 0.0
    for path in sorted((folder / "html").glob("*/source.html")):
        started = process_time()
        found = Counter(re.findall(r"\w+", read_html(path.read_bytes()).text))
        spent += process_time() - started
        tree = html.fromstring((path.parent / "expected.html").read_text(encoding="utf-8"))
        gold = Counter(re.findall(r"\w+", tree.text_content()))
        scores.append(2 * (found & gold).total() / (found.total() + gold.total()))
        print(f"  {path.parent.name}: F1 {scores[-1]:.3f}")
    mean, ms = sum(scores) / len(scores), 1000 * spent / len(scores)
    print(f"web pages: token F1 {mean:.3f}, {ms:.0f} ms CPU a page")


if __name__ == "__main__":
    measure_pdf(Path(sys.argv[1]))
    measure_places(Path(sys.argv[1]))
    measure_pages(Path(sys.argv[1]))
