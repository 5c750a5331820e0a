"""The page's components, and what happens between them; what they show is made in `html` and
`qa.render`.
"""

import logging
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, NamedTuple

import gradio as gr

from qa.page import html
from qa.page.api import add_endpoints
from qa.page.articles_panel import Listing, add_articles_panel
from qa.page.chat import Exchange, ask, save_as_json, save_as_markdown, to_messages
from qa.page.service import MAX_QUESTION_CHARS, Service
from qa.page.source_panel import find_in_address, find_place

_LOG = logging.getLogger(__name__)
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# Gradio finds a panel's own events by their names between quotes in this text.
_PANEL_JS = "qa.attach(element, (name, data) => trigger(name, data), watch); // 'show' 'example'"
POLL_SECONDS = 3.0
"""How often an open page asks whether somebody else has changed the index."""


def read_asset(name: str) -> str:
    """The text of one of the files beside this module."""
    return files("qa.page").joinpath(name).read_text(encoding="utf-8")


class Parts(NamedTuple):
    """The components outside the articles panel."""

    header: gr.HTML
    welcome: gr.HTML
    chat: gr.Chatbot
    question: gr.Textbox
    tools: gr.Row
    anew: gr.Button
    as_markdown: gr.Button
    as_json: gr.Button
    source: gr.HTML
    download: gr.Textbox
    turns: gr.State
    """The conversation; it lives as long as the page is open, and nowhere else."""
    version: gr.State
    """Of what the page shows of the index."""
    alone: gr.State
    """Whether the question is to be taken as it is written."""


class Page(gr.Blocks):
    """Blocks that tell of a request that they cannot make sense of in a line, not by a traceback in
    the terminal.
    """

    async def process_api(self, *args: Any, **options: Any) -> dict[str, Any]:
        """Run what is behind one call."""
        try:
            return await super().process_api(*args, **options)
        except gr.Error:
            raise
        except Exception as error:
            _LOG.warning("a request could not be read: %s", " ".join(str(error).split())[:200])
            raise gr.Error(
                "the page cannot read this request: check the number and the kinds of its values",
                print_exception=False,
            ) from None


def build_page(service: Service, *, mcp: bool = False) -> gr.Blocks:
    """The page over a service; open it with `launch`."""
    page = Page(
        title="Ask your articles",
        fill_width=True,
        analytics_enabled=False,
        delete_cache=(3600, 3600),
    )
    with page:
        with gr.Row(elem_id="desk"):
            listing = add_articles_panel(service)
            parts = _make_parts()
        _connect_conversation(service, parts)
        _connect_source(service, parts, listing, page)
        _connect_files(parts)
        add_endpoints(service, mcp=mcp)
    return page


def _make_parts() -> Parts:
    with gr.Column(elem_id="talk", scale=1):
        header = gr.HTML(html.header(0), elem_id="header")
        welcome = gr.HTML("", elem_id="welcome")
        chat = _make_chat()
        with gr.Group(elem_id="composer"):
            question = gr.Textbox(
                elem_id="question",
                label="Your question",
                show_label=False,
                container=False,
                placeholder="Ask a question",
                lines=1,
                max_lines=6,
                max_length=MAX_QUESTION_CHARS,
                submit_btn="Ask",
                autofocus=True,
            )
        with gr.Row(elem_id="tools", visible=False) as tools:
            anew = gr.Button("New conversation", size="sm", elem_id="anew")
            as_markdown = gr.Button("Save as Markdown", size="sm", elem_id="save-markdown")
            as_json = gr.Button("Save as JSON", size="sm", elem_id="save-json")
    source = gr.HTML("", elem_id="source", js_on_load=_PANEL_JS)
    download = gr.Textbox(visible="hidden", elem_id="download", label="File to save")
    states = gr.State([]), gr.State(""), gr.State(False)
    return Parts(
        header,
        welcome,
        chat,
        question,
        tools,
        anew,
        as_markdown,
        as_json,
        source,
        download,
        *states,
    )


def _make_chat() -> gr.Chatbot:
    """Shows HTML of our own, and is never an input: from the browser it would take components of
    any kind.
    """
    return gr.Chatbot(
        elem_id="chat",
        label="Conversation",
        show_label=False,
        visible=False,
        render_markdown=False,
        latex_delimiters=[],
        sanitize_html=True,
        allow_tags=False,
        autoscroll=False,
        buttons=[],
        feedback_options=None,
        group_consecutive_messages=False,
        layout="bubble",
        container=False,
        height=None,
    )


def _connect_conversation(service: Service, parts: Parts) -> None:
    shown = [parts.chat, parts.question, parts.turns, parts.welcome, parts.tools]
    options: dict[str, Any] = {**PRIVATE, "concurrency_limit": 8, "concurrency_id": "ask"}

    def answer(
        question: str, before: list[Exchange], alone: bool = False
    ) -> Iterator[tuple[Any, ...]]:
        for step, turns in enumerate(ask(service, question, before, alone=alone)):
            # Emptied once: the next question may be in it before this one is answered.
            left = gr.skip() if step else ""
            messages = gr.update(value=to_messages(turns), visible=True)
            yield messages, left, turns, gr.update(visible=False), gr.update(visible=True)

    def take_question(event: gr.EventData) -> tuple[str, bool]:
        return str(event._data.get("question", ""))[:MAX_QUESTION_CHARS], bool(
            event._data.get("alone")
        )

    def start_anew() -> tuple[Any, ...]:
        return (
            gr.update(value=[], visible=False),
            "",
            [],
            gr.update(visible=True),
            gr.update(visible=False),
        )

    parts.question.submit(answer, [parts.question, parts.turns], shown, **options)
    parts.source.example(take_question, None, [parts.question, parts.alone], **PRIVATE).then(
        answer, [parts.question, parts.turns, parts.alone], shown, **options
    )
    parts.anew.click(start_anew, None, shown, queue=False, **PRIVATE)


def _connect_source(service: Service, parts: Parts, listing: Listing, page: gr.Blocks) -> None:
    fresh = [parts.version, parts.header, parts.welcome, listing.shown]

    def show(event: gr.EventData) -> str:
        return find_place(service, event._data)

    def start(request: gr.Request) -> tuple[Any, ...]:
        return (find_in_address(service, dict(request.query_params)), *refresh(""))

    def refresh(wanted: str) -> tuple[Any, ...]:
        articles = service.list_articles()
        welcome = html.welcome(service.examples, has_articles=bool(articles))
        return service.version, html.header(len(articles)), welcome, listing.refresh(wanted)

    def poll(version: str, wanted: str) -> tuple[Any, ...]:
        return (gr.skip(),) * len(fresh) if version == service.version else refresh(wanted)

    parts.source.show(show, None, parts.source, queue=False, **PRIVATE)
    page.load(start, None, [parts.source, *fresh], queue=False, **PRIVATE)
    gr.Timer(POLL_SECONDS).tick(poll, [parts.version, listing.query], fresh, queue=False, **PRIVATE)


def _connect_files(parts: Parts) -> None:
    """Files are made in the browser: the server keeps no copy."""
    for button, save, name, kind in (
        (parts.as_markdown, save_as_markdown, "conversation.md", "text/markdown"),
        (parts.as_json, save_as_json, "conversation.json", "application/json"),
    ):
        button.click(save, parts.turns, parts.download, **PRIVATE).then(
            None, parts.download, None, js=f"(text) => window.qa.save(text, '{name}', '{kind}')"
        )
