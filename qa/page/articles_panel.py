"""The articles panel: list, add, remove, rebuild."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import sleep
from typing import Any, NamedTuple

import gradio as gr

from qa.errors import QAError
from qa.page import html
from qa.page.service import SUFFIXES, Service

MAX_FILES = 100
MAX_TEXT_CHARS = 2_000_000
REFRESH_SECONDS = 0.25
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
INDEXING: dict[str, Any] = {**PRIVATE, "concurrency_limit": 1, "concurrency_id": "index"}
_LIST_JS = "qa.attachList(element, (id) => trigger('remove', {id}))"


class Listing(NamedTuple):
    """What the rest of the page needs to bring the list up to date."""

    query: gr.Textbox
    shown: gr.HTML
    refresh: Callable[[str], str]


def add_articles_panel(service: Service) -> Listing:
    """Put the panel on the page that is being made."""

    def refresh(query: str) -> str:
        return html.article_list(service.list_articles(), query or "", read_only=service.read_only)

    with gr.Column(elem_id="articles"):
        gr.HTML(html.ARTICLES_HEAD)
        changing = None if service.read_only else _make_changing()
        query = gr.Textbox(
            elem_id="find-article",
            label="Find an article",
            show_label=False,
            container=False,
            placeholder="Find an article",
        )
        listing = gr.HTML("", elem_id="article-list", js_on_load=_LIST_JS)
        query.change(refresh, query, listing, queue=False, trigger_mode="always_last", **PRIVATE)
        if changing:
            _connect(service, changing, query, listing, refresh)
    return Listing(query, listing, refresh)


class _Changing(NamedTuple):
    """The components that change the articles."""

    files: gr.File
    title: gr.Textbox
    text: gr.Textbox
    add: gr.Button
    rebuild: gr.Button
    stop: gr.Button
    status: gr.HTML


def _make_changing() -> _Changing:
    with gr.Accordion("Add articles", open=False, elem_id="add"):
        files = gr.File(
            label=f"Files ({', '.join(SUFFIXES)})",
            file_count="multiple",
            file_types=list(SUFFIXES),
            height=120,
            elem_id="files",
        )
        title = gr.Textbox(
            label="Or paste a text: its title", max_length=200, elem_id="paste-title"
        )
        text = gr.Textbox(
            label="The text", lines=4, max_lines=10, max_length=MAX_TEXT_CHARS, elem_id="paste-text"
        )
        add = gr.Button("Add to my articles", variant="primary", elem_id="add-button")
    with gr.Row(elem_id="build-buttons"):
        rebuild = gr.Button("Update index", size="sm", elem_id="rebuild")
        stop = gr.Button("Stop", size="sm", variant="stop", visible=False, elem_id="stop-build")
    status = gr.HTML("", elem_id="build-status")
    return _Changing(files, title, text, add, rebuild, stop, status)


def _connect(
    service: Service,
    part: _Changing,
    query: gr.Textbox,
    listing: gr.HTML,
    refresh: Callable[[str], str],
) -> None:
    shown = [part.status, listing, part.stop]

    def work(
        wanted: str, notes: Sequence[str] = (), errors: Sequence[str] = ()
    ) -> Iterator[tuple[Any, ...]]:
        for said, is_running in run_build(service, notes, errors):
            yield said, gr.skip() if is_running else refresh(wanted), gr.update(visible=is_running)

    def add_all(
        paths: list[str] | None, title: str, text: str, wanted: str
    ) -> Iterator[tuple[Any, ...]]:
        notes, errors = take_in(service, paths or [], title, text)
        kept = (title, text) if errors and text.strip() else ("", "")
        if not notes:
            yield (
                html.message(errors=errors or ["choose files or paste a text first"]),
                gr.skip(),
                gr.skip(),
                None,
                *kept,
            )
            return
        for step in work(wanted, notes, errors):
            yield *step, None, *kept

    def remove(wanted: str, event: gr.EventData) -> Iterator[tuple[Any, ...]]:
        try:
            place = service.remove(str(event._data.get("id", "")))
        except QAError as error:
            yield html.message(errors=[str(error)]), refresh(wanted), gr.skip()
            return
        yield from work(wanted, [f"The file is now {place}; move it back to undo."])

    given = [part.files, part.title, part.text]
    part.add.click(add_all, [*given, query], [*shown, *given], **INDEXING)
    listing.remove(remove, query, shown, **INDEXING)
    part.rebuild.click(work, query, shown, **INDEXING)
    part.stop.click(service.stop_build, None, None, queue=False, **PRIVATE)


def take_in(
    service: Service, paths: Sequence[str], title: str, text: str
) -> tuple[list[str], list[str]]:
    """Put uploaded files and pasted text among the articles; returns what to say about those added
    and the others.
    """
    errors = (
        [f"{len(paths):,} files at once: add at most {MAX_FILES}"] if len(paths) > MAX_FILES else []
    )
    uploads = [Path(path) for path in paths]
    added: list[str] = []
    if not errors:
        added, errors = service.add_files([(path.name, path.read_bytes()) for path in uploads])
    for path in uploads:
        path.unlink(missing_ok=True)
    if text.strip():
        try:
            if len(text) > MAX_TEXT_CHARS:
                raise QAError(
                    f"the text has {len(text):,} characters: paste at most {MAX_TEXT_CHARS:,}, or "
                    "add it as a file"
                )
            added.append(service.add_text(title, text))
        except QAError as error:
            errors.append(str(error))
    return [f"Added {name}." for name in added], errors


def run_build(
    service: Service, notes: Sequence[str] = (), errors: Sequence[str] = ()
) -> Iterator[tuple[str, bool]]:
    """Start a build and tell how far it is until it ends; whether it runs still."""
    while service.building.is_running:  # started by another page
        yield html.progress(service.building), True
        sleep(REFRESH_SECONDS)
    try:
        service.start_build()
    except QAError as error:
        yield html.message(notes, [*errors, str(error)]), False
        return
    state = service.building
    while state.is_running:
        yield html.progress(state), True
        sleep(REFRESH_SECONDS)
    yield html.outcome(state, notes, errors), False
