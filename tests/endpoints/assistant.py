"""An assistant, by the protocol's official client: what it is told when it connects and calls."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import mcp
from jsonschema import Draft202012Validator
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.conftest import ROOT, SAMPLES

QUESTION = "What was the meeting about?"
ARTICLE = "the-damascus-meeting.txt"
T = TypeVar("T")


class Told(NamedTuple):
    """What came of one conversation."""

    instructions: str
    tools: list[Any]
    answer: Any
    later: Any
    silence: Any
    passages: Any
    listed: list[Any]
    parts: list[Any]
    wrong: list[Any]


async def hold_conversation(session: mcp.ClientSession) -> Told:
    started = await session.initialize()
    tools = (await session.list_tools()).tools
    call = session.call_tool
    listed = [await call("list_articles", {"limit": 2})]
    while after := listed[-1].structuredContent["next"]:
        listed.append(await call("list_articles", {"limit": 2, "after": after}))
    parts = [await call("read_article", {"id": ARTICLE, "length": 1000})]
    while start := parts[-1].structuredContent["next"]:
        parts.append(await call("read_article", {"id": ARTICLE, "start": start, "length": 1000}))
    wrong = [
        await call("ask", {"question": "?"}),
        await call("ask", {}),
        await call("search", {"query": "missiles", "k": 51}),
        await call("search", {"query": "missiles", "speed": 1}),
        await call("read_article", {"id": ARTICLE, "start": 158_000}),
        await call("write_article", {}),
    ]
    return Told(
        started.instructions or "",
        tools,
        await call("ask", {"question": QUESTION}),
        await call("ask", {"question": "And where was it held?", "history": [QUESTION]}),
        await call("ask", {"question": "What is the boiling point of tungsten?"}),
        await call("search", {"query": "missiles", "k": 2, "articles": [ARTICLE]}),
        listed,
        parts,
        wrong,
    )


def check_conversation(told: Told) -> None:
    """What any assistant is told, however it came."""
    for word in ("title", "paragraph", "answered", "possibly", "unanswered", "off_topic"):
        assert word in told.instructions
    assert "no_question" in told.instructions
    assert [tool.name for tool in told.tools] == ["ask", "search", "list_articles", "read_article"]
    for tool in told.tools:
        assert tool.annotations.readOnlyHint is True
        assert tool.annotations.openWorldHint is False
        assert tool.inputSchema["type"] == tool.outputSchema["type"] == "object"
        for schema in (tool.inputSchema, tool.outputSchema):
            Draft202012Validator.check_schema(schema)
    schemas = {tool.name: Draft202012Validator(tool.outputSchema) for tool in told.tools}
    of = {"ask": [told.answer, told.later, told.silence], "search": [told.passages]}
    for name, results in (of | {"list_articles": told.listed, "read_article": told.parts}).items():
        for result in results:
            assert not result.isError, result.content
            schemas[name].validate(result.structuredContent)
            assert json.loads(result.content[0].text) == result.structuredContent
    first = told.answer.structuredContent
    assert first["status"] == "answered"
    assert first["quotes"][0]["text"].startswith("The participants, the officials said, had come")
    assert all(quote["link"] for quote in first["quotes"])
    later = told.later.structuredContent
    assert later["searched"] != later["question"]
    assert "basement" in later["quotes"][0]["text"]
    silence = told.silence.structuredContent
    assert (silence["status"], silence["quotes"]) == ("off_topic", [])
    hits = told.passages.structuredContent["hits"]
    assert [hit["article"]["id"] for hit in hits] == [ARTICLE, ARTICLE]
    ids = [article["id"] for some in told.listed for article in some.structuredContent["articles"]]
    assert ids == sorted(path.name for path in SAMPLES.iterdir())
    text = (SAMPLES / ARTICLE).read_text("utf-8")
    assert "".join(part.structuredContent["text"] for part in told.parts) == text
    assert all(result.isError for result in told.wrong)
    assert [result.content[0].text for result in told.wrong] == [
        'the question has no words: ask something like "What was the meeting about?"',
        "ask needs question",
        "k is 51: choose 1 to 50",
        "search has no argument 'speed': it has query, k, articles, authors, since, until, "
        "languages, title",
        "start is 158000: the article ends at 3050",
        "there is no tool 'write_article': list the tools to see which are",
    ]


def talk_over_http(address: str, say: Callable[[mcp.ClientSession], Awaitable[T]]) -> T:
    async def talk() -> T:
        async with (
            streamable_http_client(address) as (reading, writing, _),
            mcp.ClientSession(reading, writing) as session,
        ):
            return await say(session)

    return run_apart(talk)


def talk_over_stdio(
    arguments: list[str], say: Callable[[mcp.ClientSession], Awaitable[T]], errors: Path
) -> T:
    """As an assistant does whose configuration names `qa` and these arguments."""
    program = StdioServerParameters(
        command=sys.executable,
        args=["-m", "qa", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )

    async def talk() -> T:
        with errors.open("w", encoding="utf-8") as log:
            async with (
                stdio_client(program, errlog=log) as (reading, writing),
                mcp.ClientSession(reading, writing) as session,
            ):
                return await say(session)

    return run_apart(talk)


def run_apart(work: Callable[[], Awaitable[T]]) -> T:
    """In a thread of its own: the browser's tests leave an event loop running in this one."""

    async def whole() -> T:
        return await work()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(whole())).result()
