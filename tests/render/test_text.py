"""Copies and notices, as every form of an answer shows them."""

from dataclasses import replace

from qa import render
from qa.render.data import name_copies, quote_to_json
from qa.types import NONE_CHOSEN, Answer, Article, Quote


def make_article(article_id: str, title: str = "A title") -> Article:
    return Article(id=article_id, title=title, text="Same.", sha256="0" * 64)


def test_copies_under_the_same_title_are_named_by_their_ids():
    article, other = make_article("a.txt"), make_article("b.txt")
    third = make_article("c.txt", "Other")
    also = (Quote(other, 0, 5, 1, 0.9), Quote(third, 0, 5, 1, 0.9))
    quote = Quote(article, 0, 5, 1, 0.9, also_in=also)
    assert name_copies(quote_to_json(quote)) == ["b.txt", "Other"]
    assert "; also in b.txt; also in Other" in str(quote_answer(quote))
    html = render.answer_to_html(quote_answer(quote))
    assert "Also in <bdi>b.txt</bdi>, <bdi>Other</bdi>" in html


def test_that_no_article_was_chosen_is_all_that_is_said():
    answer = replace(quote_answer(), status="off_topic", confidence=0.0, notice=NONE_CHOSEN)
    assert str(answer) == NONE_CHOSEN
    assert render.answer_to_markdown(answer).strip() == NONE_CHOSEN
    for html in (render.answer_to_html(answer), answer._repr_html_()):
        assert NONE_CHOSEN in (html or "") and "Not in your articles" not in (html or "")


def quote_answer(*quotes: Quote) -> Answer:
    return Answer("Q?", "Q?", "answered", 0.9, quotes, (), (), 1, {"read": 0.0})
