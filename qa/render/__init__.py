"""Render: answers, passages and articles -> text, Markdown, HTML, JSON, annotations.

In: values of `qa.types`. Out: strings and JSON values; pure functions, which escape an article's
words for their target and change nothing else in them. May import: answer, articles, types,
places.
"""

from qa.render.annotations import annotate, answer_to_annotations
from qa.render.conversation import conversation_to_json, conversation_to_markdown
from qa.render.data import answer_to_json, article_to_json, hits_to_json, strength
from qa.render.html import answer_to_html, direction, escape_html, hits_to_html
from qa.render.markdown import answer_to_markdown, escape_markdown
from qa.render.notebook import answer_to_cards, hit_to_card, quote_to_card
from qa.render.schema import make_schema
from qa.render.source import Mark, source_to_html
from qa.render.text import answer_to_text, hits_to_text, one_line, printable

__all__ = [
    "Mark",
    "annotate",
    "answer_to_annotations",
    "answer_to_cards",
    "answer_to_html",
    "answer_to_json",
    "answer_to_markdown",
    "answer_to_text",
    "article_to_json",
    "conversation_to_json",
    "conversation_to_markdown",
    "direction",
    "escape_html",
    "escape_markdown",
    "hit_to_card",
    "hits_to_html",
    "hits_to_json",
    "hits_to_text",
    "make_schema",
    "one_line",
    "printable",
    "quote_to_card",
    "source_to_html",
    "strength",
]
