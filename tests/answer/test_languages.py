"""A question in another language than the articles found is told so."""

import pytest

from qa.answer.languages import compare_languages
from qa.types import Article, Hit, Passage, Sentence


def make_hit(language: str | None) -> Hit:
    article = Article("a.txt", "A", "Words.", "0" * 64, language=language)
    return Hit(Passage(article, 0, 6, (Sentence(0, 6, 1),)), 1.0)


@pytest.mark.parametrize(
    ("question", "languages", "named"),
    [
        ("Worum ging es bei dem Treffen?", ["en"], ("German", "English")),
        ("ماذا كان موضوع الاجتماع؟", ["en", "en"], ("Arabic", "English")),
        ("What was the meeting about?", ["ar", "fr"], ("English", "Arabic and French")),
        ("会议是关于什么的？", ["en"], ("Chinese", "English")),
    ],
)
def test_both_languages_are_named(question: str, languages: list[str], named: tuple[str, str]):
    notice = compare_languages(question, [make_hit(language) for language in languages])
    asked, found = named
    assert notice == (
        f"The question is in {asked}, the articles found are in {found}: asked in their language, "
        "they may answer better."
    )


@pytest.mark.parametrize(
    ("question", "languages"),
    [
        ("What was the meeting about?", ["en"]),
        ("Worum ging es bei dem Treffen?", ["en", "de"]),
        ("Worum ging es bei dem Treffen?", ["en", None]),
        ("Who was Napoleon Bonaparte?", ["en"]),
        ("Don Quijote?", ["en"]),
        ("What was the meeting about?", []),
    ],
)
def test_otherwise_nothing_is_said(question: str, languages: list[str | None]):
    assert compare_languages(question, [make_hit(language) for language in languages]) == ""
