"""The page's components, and what happens between them; what they show is made in `html` and
`qa.render`.

What is asked and answered is on the screen and in the browser's storage alone: `js/talk.js` calls
the endpoints of `chat`, and a server that is started again has lost nothing.
"""

import json
import logging
from importlib.resources import files
from typing import Any, NamedTuple

import gradio as gr

from qa.endpoints.calls import Endpoints
from qa.page import html
from qa.page.api import add_endpoints, fill_up
from qa.page.articles_panel import Listing, add_articles_panel
from qa.page.chat import add_chat_endpoints
from qa.page.service import MAX_QUESTION_CHARS, Service
from qa.page.source_panel import find_in_address, find_place
from qa.page.words import read_tables, speaking_to
from qa.render.words import say

_LOG = logging.getLogger(__name__)
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# Gradio finds a panel's own events by their names between quotes in this text.
_PANEL_JS = "qa.attach(element, (name, data) => trigger(name, data), watch); // 'show'"
POLL_SECONDS = 15.0
"""How often an open page asks whether somebody else has changed the index."""
EAGER_SECONDS = 2.0
"""The same while examples are looked for."""
STYLES = ("frame", "conversation", "source", "articles", "dialogs", "screens")
"""Of the folder `css`, in this order."""
SCRIPTS = (
    *("common/base", "common/store", "common/server"),
    *("where", "cards", "talk", "reading", "chosen", "kept", "help", "adding", "composer", "page"),
)
"""Of the folder `js`, in this order: each adds to the one global name `qa`."""


def read_asset(name: str) -> str:
    """The text of one of the files beside this module."""
    return files("qa.page").joinpath(name).read_text(encoding="utf-8")


def read_styles() -> str:
    """The page's own styles, one after the other."""
    return "\n".join(read_asset(f"css/{name}.css") for name in STYLES)


def read_scripts() -> str:
    """The page's own scripts, one after the other, and before them its words."""
    tables = json.dumps(read_tables(), ensure_ascii=False, separators=(",", ":"))
    assert "</" not in tables
    scripts = (read_asset(f"js/{name}.js") for name in SCRIPTS)
    return "\n".join([f"window.qa = {{ tables: {tables} }};", *scripts])


class Parts(NamedTuple):
    """The components outside the articles panel."""

    header: gr.HTML
    welcome: gr.HTML
    source: gr.HTML
    version: gr.State
    """Of what the page shows of the index."""


class Page(gr.Blocks):
    """Blocks that tell of a request that they cannot make sense of in a line, not by a traceback in
    the terminal.
    """

    endpoints: Endpoints
    """What other programs may call."""

    async def process_api(
        self, block_fn: Any, inputs: list[Any], *args: Any, **options: Any
    ) -> dict[str, Any]:
        """Run what is behind one call."""
        try:
            return await super().process_api(block_fn, fill_up(block_fn, inputs), *args, **options)
        except gr.Error:
            raise
        except Exception as error:
            _LOG.warning("a request could not be read: %s", " ".join(str(error).split())[:200])
            raise gr.Error(
                "the page cannot read this request: check the number and the kinds of its values",
                print_exception=False,
            ) from None


def build_page(service: Service) -> Page:
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
            parts = _make_parts(service)
        _connect_source(service, parts, listing, page)
        add_chat_endpoints(service)
        page.endpoints = Endpoints(lambda: service.answerer)
        add_endpoints(page.endpoints)
    return page


def _make_parts(service: Service) -> Parts:
    with gr.Column(elem_id="talk", scale=1):
        header = gr.HTML(html.header(0), elem_id="header")
        welcome = gr.HTML("", elem_id="welcome")
        gr.HTML(
            html.conversation(),
            elem_id="chat",
            apply_default_css=False,
            js_on_load="qa.startTalk();",
        )
        gr.HTML(
            html.composer(MAX_QUESTION_CHARS, service.passages_read),
            elem_id="composer",
            js_on_load="qa.startComposer(element);",
        )
    source = gr.HTML("", elem_id="source", js_on_load=_PANEL_JS)
    return Parts(header, welcome, source, gr.State(""))


def _connect_source(service: Service, parts: Parts, listing: Listing, page: gr.Blocks) -> None:
    fresh = [parts.version, parts.header, parts.welcome, listing.shown]
    timer = gr.Timer(EAGER_SECONDS)

    def show(event: gr.EventData, request: gr.Request) -> str:
        with speaking_to(request.headers):
            return find_place(service, event._data)

    def start(request: gr.Request) -> tuple[Any, ...]:
        with speaking_to(request.headers):
            shown = find_in_address(service, dict(request.query_params))
            words = say("Find an article")
        query = gr.Textbox(placeholder=words, label=words)
        return (shown, query, *refresh("", request))

    def refresh(wanted: str, request: gr.Request) -> tuple[Any, ...]:
        with speaking_to(request.headers):
            return draw(wanted)

    def draw(wanted: str) -> tuple[Any, ...]:
        articles = service.list_articles()
        welcome = html.welcome(
            service.examples,
            has_articles=bool(articles),
            may_add=not service.read_only,
            may_fetch=service.may_fetch,
        )
        return service.version, html.header(len(articles)), welcome, listing.refresh(wanted)

    def poll(version: str, wanted: str, request: gr.Request) -> tuple[Any, ...]:
        pause = gr.Timer(EAGER_SECONDS if service.is_looking else POLL_SECONDS)
        if version == service.version:
            return (pause, *(gr.skip(),) * len(fresh))
        return (pause, *refresh(wanted, request))

    listing.shown.refresh(refresh, listing.query, fresh, queue=False, **PRIVATE)
    parts.source.show(show, None, parts.source, queue=False, **PRIVATE)
    page.load(start, None, [parts.source, listing.query, *fresh], queue=False, **PRIVATE)
    timer.tick(poll, [parts.version, listing.query], [timer, *fresh], queue=False, **PRIVATE)
