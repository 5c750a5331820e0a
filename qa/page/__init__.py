"""Page: a service -> the page in the browser: ask, see quotes in their articles, add and remove.

In: an index, a reader, options of `qa serve`. Out: a Gradio page and its endpoints. May import:
endpoints, evaluation, render, saved, answer, index, reader, articles, events, types, places,
errors.

    service.py    what the page can do, without any of Gradio: ask, search, add, remove, build
    layout.py     the components and what happens between them
    html.py       the parts of the page that are HTML of our own
    chat.py       the endpoints that the browser's scripts call
    adding.py     those of them that change the articles
    middleware/   what may reach the server, and what is kept of calls and closed pages
    js/           behaviour, in plain JavaScript, one concern a module; what all use in js/common/
    css/          looks, one part of the page a file

Gradio is imported when a page is made, not before.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from qa.errors import DiskError, ExtraMissing

if TYPE_CHECKING:
    from qa.page.layout import Page
    from qa.page.service import Service
    from qa.types import Progress

HOST, PORT = "127.0.0.1", 7860


def make_page(service: "Service") -> "Page":
    """The page over a service, ready to be launched by `open_page`."""
    _keep_to_ourselves()
    from qa.page.layout import build_page

    return build_page(service)


def serve(
    articles: str | Path,
    index: str | Path,
    *,
    host: str = HOST,
    port: int = PORT,
    read_only: bool = False,
    auth: tuple[str, str] | None = None,
    allowed_hosts: Sequence[str] = (),
    mcp: bool = False,
    fetch: bool | None = None,
    open_browser: bool = True,
    show_progress: "Callable[[], AbstractContextManager[Progress]] | None" = None,
) -> None:
    """Bring the index up to date with the articles folder and serve the page until interrupted.

    Args:
        articles: folder with the articles.
        index: folder of the index.
        host: address to listen on; others than this machine reach it only if it is one of the
            machine's own.
        port: where to listen.
        read_only: hide all that changes the index, and do not bring it up to date.
        auth: user and password to ask for.
        allowed_hosts: further names by which browsers may call this server.
        mcp: also speak the Model Context Protocol, at /gradio_api/mcp/.
        fetch: let people add what is at an address on the web; unless given, only where this
            machine alone is served.
        open_browser: open one.
        show_progress: shows how far the index is while it is built.

    Raises:
        IndexMissing: there is no index to read only.
        PortTaken: something else listens there.
        ExtraMissing: the extra `mcp` is not installed.
    """
    if mcp and find_spec("mcp") is None:
        raise ExtraMissing(
            "the Model Context Protocol needs an extra: run `pip install 'article-qa[mcp]'`"
        )
    from qa.page.service import Service

    is_alone = host in ("localhost", "127.0.0.1", "::1") and not allowed_hosts
    may_fetch = is_alone if fetch is None else fetch
    service = Service(articles, index, read_only=read_only, may_fetch=may_fetch)
    with (show_progress or nullcontext)() as progress:
        service.prepare(progress)
    page = make_page(service)
    open_page(
        page,
        host=host,
        port=port,
        read_only=read_only,
        auth=auth,
        allowed_hosts=allowed_hosts,
        mcp=mcp,
        open_browser=open_browser,
    )


def open_page(
    page: "Page",
    *,
    host: str = HOST,
    port: int = PORT,
    read_only: bool = False,
    auth: tuple[str, str] | None = None,
    allowed_hosts: Sequence[str] = (),
    mcp: bool = False,
    open_browser: bool = True,
) -> None:
    """Serve a page until interrupted; the arguments are those of `serve`.

    Raises:
        PortTaken: something else listens there.
    """
    from qa.page.launch import launch

    launch(
        page,
        host=host,
        port=port,
        read_only=read_only,
        auth=auth,
        allowed_hosts=allowed_hosts,
        mcp=mcp,
        open_browser=open_browser,
    )


def _keep_to_ourselves() -> None:
    """Switch off what Gradio and its libraries would send or fetch; they look at this when
    imported.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["DO_NOT_TRACK"] = "1"
    # Of ten thousand calls Gradio would keep figures, and put all in a table again after each.
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # What a caller says of itself counts only where a proxy in front is named here; else it could
    # be anybody.
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
    if "GRADIO_TEMP_DIR" not in os.environ:
        os.environ["GRADIO_TEMP_DIR"] = _make_upload_folder()


def _make_upload_folder() -> str:
    """A new folder that uploads pass through: nobody else on this machine may read it, or know its
    name before.
    """
    try:
        folder = tempfile.mkdtemp(prefix="article-qa-")
    except OSError as error:
        raise DiskError.explain(error, tempfile.gettempdir()) from error
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
