"""Shared, costly things: one encoder, and one index of the sample articles."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
from hypothesis import settings
from jsonschema import Draft202012Validator

from qa.answer import answerer
from qa.articles.isolation.pool import close_workers
from qa.encoder.onnx import OnnxEncoder
from qa.index.build import build
from qa.render import answer_to_json, make_schema
from qa.types import Answer

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "index" / "articles"
SHARED = ROOT.parent / "shared"

# The first example of a test may load a model, and the machine may be busy.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def encoder() -> OnnxEncoder:
    return OnnxEncoder.load()


@pytest.fixture(scope="session")
def sample_index(tmp_path_factory: pytest.TempPathFactory, encoder: OnnxEncoder) -> Path:
    """Folder of an index of the sample articles; tests that change an index make their own."""
    folder = tmp_path_factory.mktemp("samples") / "index"
    build(SAMPLES, folder, encoder=encoder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _workers() -> Iterator[None]:
    """Processes that read files end with the tests, not with the interpreter."""
    yield
    close_workers()


@pytest.fixture(scope="session", autouse=True)
def schema_checks() -> Iterator[list[str]]:
    """Every answer that tests make in this process is held against the published schema; gives the
    questions of those that were.
    """
    validator = Draft202012Validator(make_schema())
    checked: list[str] = []
    tell = answerer.report_answer

    def check(answer: Answer) -> None:
        told = next(validator.iter_errors(json.loads(json.dumps(answer_to_json(answer)))), None)
        if told:
            pytest.fail(f"{answer.question!r} has an answer outside the schema: {told.message}")
        checked.append(answer.question)
        tell(answer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answerer, "report_answer", check)
        yield checked


@pytest.fixture(scope="session")
def data() -> Path:
    """The question sets, which are not part of the project."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"needs the question sets in {SHARED / 'data'}")
    return SHARED / "data"
