"""Files with known contents -> how much of them the readers of formats find, and what it costs.

python -m tests.benchmarks.formats ../shared/formats
"""

import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from pathlib import Path
from time import process_time

from lxml import html

from qa.answer.answerer import Answerer
from qa.answer.retriever import Retriever
from qa.articles.formats.common.contents import FormatError
from qa.articles.formats.html import read_html
from qa.articles.formats.pdf.document import open_document
from qa.articles.formats.pdf.read import read_pdf
from qa.articles.read import read_article
from qa.index.build import build
from qa.types import PRESENTED

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


def measure_lines(folder: Path) -> None:
    """Lines of 200 pages drawn at random that are not in the text, and heads and page numbers that
    are. Letters and digits alone are compared; what a line is, its place on the page tells.
    """
    texts, places = {}, []
    for path in sorted((folder / "pdf").glob("*.pdf")):
        try:
            contents = read_pdf(path.read_bytes())
        except FormatError:
            continue
        pages = read_characters(path.read_bytes())
        texts[path.name] = contents, bare(contents.text), pages
        places += [(path.name, number) for number in range(len(pages))]
    random.Random(4).shuffle(places)
    lines = lost = heads = kept = 0
    for name, number in places[:200]:
        contents, whole, pages = texts[name]
        found = [line for line in re.split(r"[\r\n]+", pages[number]) if bare(line)]
        blocks = [
            bare(contents.text[block.start : block.end])
            for block in contents.blocks
            if any(
                part.page == number + 1
                for part in contents.layout.find_characters(block.start, block.end)
            )
        ]
        for at, line in enumerate(found):
            if at in (0, len(found) - 1) and HEAD.search(line.strip()):
                heads += 1
                kept += bare(line) in blocks
            else:
                lines += 1
                if bare(line) not in whole:
                    lost += 1
                    print(f"  lost: {name}, page {number + 1}: {line.strip()!r}")
    print(f"lines: {lost} of {lines} on 200 pages are not in the text")
    print(f"heads and page numbers: {kept} of {heads} on 200 pages are blocks of the text")


HEAD = re.compile(
    r"^(?:CHAPTER|CONTENTS|APPENDIX|ГЛАВА|ОГЛАВЛЕНИЕ|目录|第 *\S+ *章|附录)|^[\divxlc]+$"
    r"|^\d+ (?:\d+\.\d+\. [A-ZÄÖÜ]|Lösungen|Symbolverzeichnis|Bildquellen|Stichwort|Abkürzung)"
)
"""Of the shared books, what stands above or below a page's text: it was looked at by eye."""


def bare(words: str) -> str:
    """Letters and digits alone."""
    return "".join(char for char in unicodedata.normalize("NFKC", words) if char.isalnum())


def measure_office(folder: Path) -> None:
    """Token F1 of Word, OpenDocument and EPUB against Pandoc's text of them, numbers of list items
    and headings aside, which are not in the files.
    """
    if not shutil.which("pandoc"):
        print("Word, OpenDocument, EPUB: not compared, since pandoc is not installed")
        return
    for path in sorted([*(folder / "office").iterdir(), *(folder / "epub").iterdir()]):
        pandoc = ["pandoc", "-t", "plain", "--wrap=none", str(path)]
        gold = subprocess.run(pandoc, capture_output=True, text=True, check=True).stdout
        found = Counter(re.findall(r"[^\W\d]+", read_article(path).text))
        wanted = Counter(re.findall(r"[^\W\d]+", gold))
        score = 2 * (found & wanted).total() / (found.total() + wanted.total())
        print(
            f"  {path.name}: F1 {score:.3f}; only here {(found - wanted).total()}, "
            f"only there {(wanted - found).total()}"
        )


def measure_questions(folder: Path) -> None:
    """Questions asked of the books and pages together: first quotes, and their pages."""
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    with tempfile.TemporaryDirectory() as scratch:
        articles = Path(scratch, "articles")
        files = {row["file"] for row in questions} | {f"pdf/{name}.pdf" for name in OTHER_BOOKS}
        for name in files:
            (articles / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, articles / name)
        started = process_time()
        report = build(articles, Path(scratch, "index"))
        print(f"index: {report.passages} passages in {process_time() - started:.0f} CPU s")
        answerer = Answerer(Retriever.load(Path(scratch, "index")))
        right, on_page, shown = 0, 0, 0
        for row in questions:
            answer = answerer.answer(row["question"])
            quote = next(iter(answer.quotes or answer.nearest), None)
            is_right = (
                quote is not None
                and quote.article.id == row["file"]
                and squeeze(row["answer"]) in squeeze(quote.text)
            )
            right += is_right
            shown += is_right and answer.status in PRESENTED
            page = quote.place.page if quote and quote.place else None
            on_page += is_right and (not row["pages"] or page in row["pages"])
            if not is_right or (row["pages"] and page not in row["pages"]):
                print(f"  {row['question']} {answer.status}: {quote and quote.text[:90]!r}, {page}")
    count, paged = len(questions), sum(bool(row["pages"]) for row in questions)
    print(
        f"questions: first quote right {right} of {count}, presented {shown}; with the right page "
        f"{on_page} ({paged} are of PDFs)"
    )


QUESTIONS = Path(__file__).with_name("format_questions.jsonl")
OTHER_BOOKS = ("GeoTopo-komprimiert", "multicolumn", "habibi", "crazyones-pdfa")

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for measure in (measure_lines, measure_office, measure_questions):
        measure(folder)
    measure_pdf(Path(sys.argv[1]))
    measure_places(Path(sys.argv[1]))
    measure_pages(Path(sys.argv[1]))
