"""Facts seen by eye in files that are not part of the project."""

from functools import cache

import pytest

from qa.articles.read import read_article
from qa.errors import ArticleError, ArticleLocked
from qa.types import Article
from tests.conftest import SHARED

FILES = SHARED / "formats"
pytestmark = pytest.mark.skipif(not FILES.is_dir(), reason=f"needs the files in {FILES}")


@cache
def read(name: str) -> Article:
    return read_article(FILES / name)


@pytest.mark.parametrize(
    ("name", "words", "place"),
    [
        (
            "pdf/debmake-doc.en.pdf",
            "The command output is very verbose and explains what it does as follows.",
            "p. 32 (printed 23), Simple Example > Step 4: Building package with debuild",
        ),
        (
            "pdf/debmake-doc.en.pdf",
            "Even an upstream source without its build system can be packaged just by using these "
            "files.",
            "p. 55 (printed 46), Basics > Other debian/* Files",
        ),
        (
            "pdf/debmake-doc.ru.pdf",
            "С помощью этих файлов можно создать пакет даже из исходный кода",
            "p. 58 (printed 49)",
        ),
        (
            "pdf/ltnews35.pdf",
            "Currently supported values are phase-I and phase-II that enable code of the tagged "
            "PDF project (phase I is frozen, and phase II is the phase we are currently working "
            "on).",
            "p. 2, The latex-lab bundle",
        ),
        (
            "pdf/ltnews35.pdf",
            "Eventually, code will move (once considered stable) from the testphase into the LATEX "
            "kernel itself.",
            "p. 2, The latex-lab bundle",
        ),
        (
            "pdf/ltnews35.pdf",
            "which happens asynchronously, in order to communicate",
            "p. 2, A new mark mechanism for LaTeX",
        ),
        (
            "pdf/multicolumn.pdf",
            "Cum sociis natoque penatibus et magnis dis parturient montes, nascetur ridiculus mus.",
            "p. 1",
        ),
        ("pdf/right_to_left_01.pdf", "تعزز الإنتاجية وتساعد في إيجاد حلول", "p. 1"),
        (
            "epub/debmake-doc.en.epub",
            "The command output is very verbose and explains what it does as follows.",
            "Step 4: Building package with debuild",
        ),
    ],
)
def test_a_sentence_stands_where_it_was_seen(name, words, place):
    article = read(name)
    start = article.text.index(words)
    assert place in str(article.find_place(start, start + len(words)))


def test_a_sentence_in_two_chapters_of_a_book_is_told_apart():
    article = read("epub/debmake-doc.en.epub")
    words = "The command output is very verbose and explains what it does as follows."
    first = article.text.index(words)
    second = article.text.index(words, first + 1)
    parts = [article.find_place(start, start + 9).part for start in (first, second)]
    assert parts == ["OEBPS/ch04.html", "OEBPS/ch08.html"]


def test_running_heads_are_left_out_and_the_tip_at_the_top_of_a_page_stays():
    article = read("pdf/debmake-doc.en.pdf")
    assert "CHAPTER 4. SIMPLE EXAMPLE" not in article.text
    layout = article.origin.layout
    start, end = layout.find_on_page(55)
    assert article.text[start:end].startswith("Tip")


def test_columns_leave_no_hyphens_of_line_ends():
    assert "asyn-" not in read("pdf/ltnews35.pdf").text


def test_the_first_numbered_page_of_a_german_book_has_its_label():
    layout = read("pdf/GeoTopo-komprimiert.pdf").origin.layout
    assert (layout.pages, layout.labels[3]) == (117, "1")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("pdf/ocr_test.pdf", "is scanned: its 1 page"),
        ("pdf/debmake-doc.en.truncated.pdf", "data format error"),
    ],
)
def test_what_cannot_be_read_says_why(name, reason):
    with pytest.raises(ArticleError, match=reason):
        read(name)


def test_a_password_opens_an_encrypted_file():
    path = FILES / "pdf/libreoffice-writer-password.pdf"
    with pytest.raises(ArticleLocked, match="is encrypted"):
        read_article(path)
    text = read_article(path, password="openpassword").text
    assert text.startswith("Lorem ipsum dolor sit amet, consetetur")


def test_a_chinese_book_is_chinese_whatever_it_says():
    assert read("epub/debmake-doc.zh-cn.epub").language == "zh"
