"""The page's components, and what happens between them; what they show is made in `panels` and `qa.render`."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import gradio as gr

from qa.page import panels
from qa.page.articles_panel import add_articles_panel
from qa.page.chat import Turn, ask, save_as_json, save_as_markdown, to_messages
from qa.page.programs import add_endpoints
from qa.page.service import MAX_QUESTION_CHARS, Service
from qa.page.sources import find_in_address, find_place

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# Gradio finds a panel's own events by their names between quotes in this text.
_PANEL_JS = "qa.attach(element, (name, data) => trigger(name, data), watch); // 'show' 'example'"
POLL_SECONDS = 3.0
"""How often an open page asks whether somebody else has changed the index."""


def read_asset(name: str) -> str:
    """The text of one of the files beside this module."""
    return files("qa.page").joinpath(name).read_text(encoding="utf-8")


def build_page(service: Service, *, mcp: bool = False) -> gr.Blocks:
    """The page over a service; open it with `launch`."""
    page = gr.Blocks(title="Ask your articles", fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600))
    with page:
        turns = gr.State([])
        seen = gr.State("")
        alone = gr.State(False)
        with gr.Row(elem_id="desk"):
            listing = add_articles_panel(service)
            with gr.Column(elem_id="talk", scale=1):
                header = gr.HTML(panels.header(0), elem_id="header")
                welcome = gr.HTML("", elem_id="welcome")
                chat = gr.Chatbot(
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
            panel = gr.HTML("", elem_id="source", js_on_load=_PANEL_JS)
        download = gr.Textbox(visible="hidden", elem_id="download", label="File to save")

        fresh = [seen, header, welcome, listing.shown]
        talk = [chat, question, turns, welcome, tools]
        asking: dict[str, Any] = {**PRIVATE, "concurrency_limit": 8, "concurrency_id": "ask"}

        def answer(text: str, before: list[Turn], alone: bool = False) -> Iterator[tuple[Any, ...]]:
            for after in ask(service, text, before, alone=alone):
                yield (
                    gr.update(value=to_messages(after), visible=True),
                    "",
                    after,
                    gr.update(visible=False),
                    gr.update(visible=True),
                )

        def start_anew() -> tuple[Any, ...]:
            return gr.update(value=[], visible=False), "", [], gr.update(visible=True), gr.update(visible=False)

        def show(event: gr.EventData) -> str:
            return find_place(service, event._data)

        def take_example(event: gr.EventData) -> tuple[str, bool]:
            return str(event._data.get("question", ""))[:MAX_QUESTION_CHARS], bool(event._data.get("alone"))

        def start(request: gr.Request) -> tuple[Any, ...]:
            return (find_in_address(service, dict(request.query_params)), *refresh(""))

        def refresh(wanted: str) -> tuple[Any, ...]:
            articles = service.list_articles()
            shown = panels.welcome(service.examples, has_articles=bool(articles))
            return service.version, panels.header(len(articles)), shown, listing.refresh(wanted)

        def poll(version: str, wanted: str) -> tuple[Any, ...]:
            return (gr.skip(),) * len(fresh) if version == service.version else refresh(wanted)

        question.submit(answer, [question, turns], talk, **asking).then(None, js="() => window.qa.toAnswer()")
        panel.example(take_example, None, [question, alone], **PRIVATE).then(
            answer, [question, turns, alone], talk, **asking
        ).then(None, js="() => window.qa.toAnswer()")
        panel.show(show, None, panel, queue=False, **PRIVATE)
        anew.click(start_anew, None, talk, queue=False, **PRIVATE)
        as_markdown.click(save_as_markdown, turns, download, **PRIVATE).then(
            None, download, None, js="(text) => window.qa.save(text, 'conversation.md', 'text/markdown')"
        )
        as_json.click(save_as_json, turns, download, **PRIVATE).then(
            None, download, None, js="(text) => window.qa.save(text, 'conversation.json', 'application/json')"
        )
        page.load(start, None, [panel, *fresh], queue=False, **PRIVATE)
        gr.Timer(POLL_SECONDS).tick(poll, [seen, listing.query], fresh, queue=False, **PRIVATE)
        add_endpoints(service, mcp=mcp)
    return page
