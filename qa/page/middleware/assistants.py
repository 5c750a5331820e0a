"""Requests of assistants -> the tools that `qa.endpoints.mcp` serves, beside the page."""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from qa.endpoints.calls import Endpoints
from qa.endpoints.mcp import serve_http

PATH = "/gradio_api/mcp"


class Assistants:
    """Middleware that answers what comes to one path, and lets all else through."""

    def __init__(self, app: ASGIApp, endpoints: Endpoints) -> None:
        self.app = app
        self.tools = serve_http(endpoints)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it."""
        if scope["type"] == "lifespan":
            async with self.tools.run():
                await self.app(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].rstrip("/") == PATH:
            if scope["method"] == "POST":
                await self.tools.handle(scope, receive, send)
            else:  # a stream of what the server has to say by itself, which is nothing
                told = PlainTextResponse("POST only.", 405, {"allow": "POST"})
                await told(scope, receive, send)
        else:
            await self.app(scope, receive, send)
