"""A page -> a server on this machine, with nothing of Gradio's that would talk to anybody else."""

import socket
import sys
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from qa.articles.read import MAX_BYTES
from qa.errors import PortTaken
from qa.page.layout import Page, read_scripts, read_styles
from qa.page.middleware.guard import Guard, limit_heads
from qa.page.middleware.sessions import MAX_PAGES, Sessions

THEME = gr.themes.Default(
    primary_hue="teal",
    neutral_hue="stone",
    font=[gr.themes.LocalFont("Source Sans Pro", weights=(400, 700)), "system-ui", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
)

LOOK_SECONDS = 0.02
"""How often it is looked whether somebody asks: an idle server takes next to nothing."""


def launch(
    page: Page,
    *,
    host: str,
    port: int,
    read_only: bool = False,
    auth: tuple[str, str] | None = None,
    allowed_hosts: Sequence[str] = (),
    mcp: bool = False,
    open_browser: bool = True,
    block: bool = True,
) -> str:
    """Serve the page until interrupted (or, without `block`, from a thread) and return its address.

    Raises:
        PortTaken: something else listens there.
    """
    check_port(host, port)
    guard = Middleware(
        Guard, hosts=["localhost", host, *allowed_hosts], auth=auth, read_only=read_only
    )
    # Gradio sends its scripts compressed, but not the page itself.
    inner = [Middleware(GZipMiddleware, minimum_size=2000), Middleware(Sessions, page=page)]
    if mcp:
        from qa.page.middleware.assistants import Assistants

        inner.append(Middleware(Assistants, endpoints=page.endpoints))
    page.queue(max_size=256, api_open=False)
    # By default Gradio looks a thousand times a second, which takes a tenth of a core.
    page._queue.sleep_when_free = page._queue.progress_update_sleep_when_free = LOOK_SECONDS
    with as_file(files("qa.page") / "icon.svg") as icon:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            inbrowser=open_browser,
            auth=auth,
            mcp_server=False,
            theme=THEME,
            head=f"<style>{read_styles()}</style><script>{read_scripts()}</script>",
            favicon_path=str(Path(icon)),
            app_kwargs={"middleware": [guard, *inner], "openapi_url": None},
            max_file_size=MAX_BYTES,
            max_threads=40,
            state_session_capacity=MAX_PAGES,
            share=False,
            run_history=False,
            footer_links=[],
            enable_monitoring=False,
            ssr_mode=False,
            show_error=True,
            quiet=True,
            prevent_thread_lock=True,
        )
        config = page.server.config
        config.http_protocol_class = limit_heads(config.http_protocol_class)
        if not (auth or _is_loopback(host)):
            sys.stderr.write(
                "Whoever reaches this machine can use the page: --user asks for a password.\n"
            )
        sys.stderr.write(f"Ask at {address} (Ctrl+C stops)\n")
        if block:
            page.block_thread()
    return str(address)


def check_port(host: str, port: int) -> None:
    """Raise PortTaken unless this address can be listened to."""
    try:
        socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        ).close()
    except OSError as error:
        raise PortTaken(
            f"cannot listen on {host}, port {port} ({error.strerror}): stop what uses it, or "
            "choose another --port"
        ) from None


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host.startswith("127.") or host == "::1"
