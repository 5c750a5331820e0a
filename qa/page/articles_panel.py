"""The articles panel: where to add articles, and the list of those there are."""

from collections.abc import Callable
from typing import Any, NamedTuple

import gradio as gr

from qa.page import html
from qa.page.service import Service
from qa.page.words import speaking_to

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# Gradio finds events by their names between quotes in this text.
_LIST_JS = "qa.attachList((name) => trigger(name)); // 'refresh'"


class Listing(NamedTuple):
    """What the rest of the page needs to bring the list up to date."""

    query: gr.Textbox
    shown: gr.HTML
    refresh: Callable[[str], str]


def add_articles_panel(service: Service) -> Listing:
    """Put the panel on the page that is being made."""

    def refresh(query: str) -> str:
        return html.article_list(service.list_articles(), query or "", read_only=service.read_only)

    def find_articles(query: str, request: gr.Request) -> str:
        with speaking_to(request.headers):
            return refresh(query)

    with gr.Column(elem_id="articles"):
        gr.HTML(html.articles_head(), elem_id="articles-head")
        if not service.read_only:
            gr.HTML(html.add_more(may_fetch=service.may_fetch), elem_id="add")
        query = gr.Textbox(
            elem_id="find-article",
            label="Find an article",
            show_label=False,
            container=False,
            placeholder="Find an article",
        )
        listing = gr.HTML("", elem_id="article-list", js_on_load=_LIST_JS)
        query.change(
            find_articles, query, listing, queue=False, trigger_mode="always_last", **PRIVATE
        )
    return Listing(query, listing, refresh)
