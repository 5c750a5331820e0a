"""What the adapters' tests share: questions on the sample articles, and a way to run coroutines."""

import asyncio
import inspect
import os
import re
from pathlib import Path
from typing import Any, ClassVar

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

import pytest

from qa import Answerer, Retriever
from qa.answer.retriever import Retrieved
from qa.encoder.onnx import OnnxEncoder
from qa.types import Answer, Article

QUESTION = "What was the meeting about?"
OFF_TOPIC = "What is the boiling point of tungsten?"


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run tests that are coroutines, as those of langchain-tests are."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


class RememberingRetriever(Retriever):
    """Searches once for each question, whichever adapter asks."""

    remembered: ClassVar[dict[str, Retrieved]] = {}

    def search(self, query: str, k: int = 10, **more: Any) -> Retrieved:
        key = f"{query} {k} {more}"
        if key not in self.remembered:
            self.remembered[key] = super().search(query, k, **more)
        return self.remembered[key]


class RememberingAnswerer(Answerer):
    """Answers each question once."""

    remembered: ClassVar[dict[tuple[str, int], Answer]] = {}

    def answer(self, question: str, *before: Any, **more: Any) -> Answer:
        key = (question, self.max_quotes)
        if key not in self.remembered:
            self.remembered[key] = super().answer(question, *before, **more)
        return self.remembered[key]


@pytest.fixture(scope="session")
def finder(sample_index: Path, encoder: OnnxEncoder) -> Retriever:
    return RememberingRetriever.load(sample_index, encoder=encoder)


@pytest.fixture(scope="session")
def answerer(finder: Retriever) -> Answerer:
    return Answerer(finder)


@pytest.fixture(scope="session")
def quick(finder: Retriever) -> Answerer:
    """Without a reader, which would take most of the time."""
    return RememberingAnswerer(finder, reader=None, threshold=0.0)


@pytest.fixture(scope="session")
def articles(finder: Retriever) -> dict[str, Article]:
    return {article.id: article for article in finder.index.list_articles()}


@pytest.fixture(scope="session")
def questions(articles: dict[str, Article]) -> list[str]:
    """200 questions of words that follow each other in the articles."""
    words = [word for article in articles.values() for word in re.findall(r"\w+", article.text)]
    step = len(words) // 200
    return [f"What of {' '.join(words[n : n + 6])}?" for n in range(0, 200 * step, step)]
