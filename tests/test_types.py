from dataclasses import FrozenInstanceError

import pytest

from qa.types import Article, Passage, Quote, Sentence, Span

TEXT = "It rained. " * 8
ARTICLE = Article("a.txt", "Rain", TEXT, "0" * 64)


def quote(start: int, end: int) -> Quote:
    return Quote(ARTICLE, start, end, paragraph=1, score=0.5)


def test_a_quote_slices_its_article():
    assert quote(11, 21).text == "It rained."
    assert quote(11, 21) != quote(22, 32)
    assert quote(11, 21).text == quote(22, 32).text


def test_a_quote_has_32_characters_around_it_where_there_are_as_many():
    middle = quote(44, 54)
    assert (middle.prefix, middle.suffix) == (TEXT[12:44], TEXT[54:86])
    assert (len(middle.prefix), len(middle.suffix)) == (32, 32)
    assert (quote(0, 10).prefix, quote(11, 21).prefix) == ("", "It rained. ")
    assert quote(77, 87).suffix == " "


def test_offsets_count_characters_as_str_does():
    article = Article("a.txt", "Rain", "😀 é نعم", "0" * 64)
    assert Quote(article, 2, 3, paragraph=1, score=0.0).text == "é"
    assert Quote(article, 4, 7, paragraph=1, score=0.0).text == "نعم"


def test_a_passage_slices_its_article_and_has_the_paragraph_it_begins_in():
    passage = Passage(ARTICLE, 11, 32, (Sentence(11, 21, 4), Sentence(22, 32, 5)))
    assert (passage.text, passage.paragraph) == ("It rained. It rained.", 4)


def test_values_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        ARTICLE.title = "Snow"  # type: ignore[misc]
    assert Span(1, 2) == (1, 2)


def test_the_text_of_an_article_does_not_flood_a_message():
    assert "rained" not in repr(ARTICLE)
