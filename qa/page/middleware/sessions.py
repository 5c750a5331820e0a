"""What Gradio keeps of calls and closed pages, bounded.

Gradio remembers every session: the settings of all components, about 50 kB, and its messages that
nobody fetched. A program that calls an endpoint is a new session each time. Those are dropped here;
conversations of open pages stay.
"""

from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    import gradio as gr

MAX_CALLS = 64
"""Sessions without a conversation that are kept: more than are at work at once."""
MAX_PAGES = 200
"""Sessions in all; beyond, the one used longest ago is forgotten, as after a restart: its
conversation is kept in the browser."""
MAX_UNREAD = 500
"""Sessions whose results are kept until somebody fetches them."""


class Sessions:
    """Middleware that drops what is kept of finished calls before it lets the next one through."""

    def __init__(self, app: ASGIApp, page: "gr.Blocks") -> None:
        self.app = app
        self.page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through."""
        if scope["type"] == "http" and scope["method"] == "POST":
            drop_finished(self.page)
        await self.app(scope, receive, send)


def drop_finished(page: "gr.Blocks") -> None:
    """Forget the oldest sessions that hold no conversation, and the oldest results.

    Gradio changes these tables on its event loop only, and so does this.
    """
    sessions = page.state_holder.session_data
    # Open pages have states from their first request on; calls never have any.
    calls = [name for name, session in list(sessions.items()) if not session.state_data]
    for name in calls[: -MAX_CALLS or None]:
        sessions.pop(name, None)
        page.state_holder.time_last_used.pop(name, None)
    waiting, messages = (
        page._queue.pending_event_ids_session,
        page._queue.pending_messages_per_session,
    )
    for name in [name for name, ids in waiting.items() if not ids] + list(waiting)[:-MAX_UNREAD]:
        waiting.pop(name, None)
        messages.pop(name, None)
