import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from qa import Answerer, Retriever
from qa.encoder.onnx import OnnxEncoder
from qa.endpoints.calls import Endpoints
from qa.events import LOG, log_as_json, report
from qa.page.service import Service
from tests.conftest import ROOT, SAMPLES

QUESTION = "What was the meeting about?"


@pytest.fixture(scope="module")
def retriever(sample_index: Path, encoder: OnnxEncoder) -> Retriever:
    return Retriever.load(sample_index, encoder=encoder)


@contextmanager
def logging_json() -> Iterator[None]:
    before = logging.getLogger().handlers[:]
    log_as_json()
    yield
    logging.getLogger().handlers[:] = before
    LOG.setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


def length(span: ReadableSpan) -> float:
    assert span.start_time is not None and span.end_time is not None
    return (span.end_time - span.start_time) / 1e9


def test_stages_are_told_as_they_end_with_the_seconds_that_the_answer_has(retriever: Retriever):
    told: list[tuple[str, float]] = []
    answerer = Answerer(retriever, reader=None, on_stage=lambda *stage: told.append(stage))
    found = answerer.find(QUESTION)
    assert [stage for stage, _ in told] == ["encode", "search"]
    answer = answerer.read(found)
    assert dict(told) == answer.seconds


def test_spans_last_as_long_as_the_stages_and_stand_in_the_one_that_is_open(
    retriever: Retriever, exporter: InMemorySpanExporter
):
    exporter.clear()
    with trace.get_tracer("tests").start_as_current_span("request"):
        [answer] = Answerer(retriever, reader=None).answer_many([QUESTION])
    *stages, whole, request = exporter.get_finished_spans()
    assert [span.name for span in stages] == ["qa.encode", "qa.search", "qa.read"]
    for span, seconds in zip(stages, answer.seconds.values(), strict=True):
        assert length(span) == pytest.approx(seconds, abs=1e-6)
        assert span.parent is not None and span.parent.span_id == whole.context.span_id
    assert length(whole) == pytest.approx(sum(answer.seconds.values()), abs=1e-6)
    assert whole.parent is not None and whole.parent.span_id == request.context.span_id
    assert whole.attributes == {
        "qa.status": answer.status,
        "qa.confidence": answer.confidence,
        "qa.quotes": len(answer.quotes),
        "qa.generation": 1,
    }


def test_opentelemetry_is_not_loaded_for_a_program_that_does_not_use_it(sample_index: Path):
    program = (
        "import sys; from qa import Answerer, Retriever\n"
        f"Answerer(Retriever.load({str(sample_index)!r}), reader=None).answer({QUESTION!r})\n"
        "print('opentelemetry' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_a_server_writes_a_line_of_json_for_each_event_without_its_words(
    sample_index: Path, capsys: pytest.CaptureFixture[str]
):
    service = Service(SAMPLES, sample_index, read_only=True)
    with logging_json():
        answer = service.ask(QUESTION)
        Endpoints(lambda: service.answerer).search("weapons", 2)
    text = capsys.readouterr().err
    answered, searched = map(json.loads, text.splitlines())
    time = answered.pop("time")
    assert time.endswith("+00:00")
    assert answered == {
        **{"level": "info", "event": "answered", "status": "answered", "generation": 1},
        **{"confidence": round(answer.confidence, 4), "quotes": len(answer.quotes)},
        "seconds": {stage: round(spent, 4) for stage, spent in answer.seconds.items()},
    }
    assert (searched["event"], searched["passages"]) == ("searched", 2)
    assert "weapons" not in text and "meeting" not in text


def test_a_line_of_the_log_cannot_be_forged_and_tells_errors_and_who_warns(
    capsys: pytest.CaptureFixture[str],
):
    with logging_json():
        report("built", error='x\n{"event": "forged"}')
        try:
            raise ValueError("no")
        except ValueError:
            logging.getLogger("other").exception("went wrong")
    built, wrong = map(json.loads, capsys.readouterr().err.splitlines())
    assert (built["event"], built["error"]) == ("built", 'x\n{"event": "forged"}')
    assert (wrong["logger"], wrong["error"]) == ("other", "ValueError('no')")


def test_nothing_is_logged_unless_asked_for(
    retriever: Retriever, capsys: pytest.CaptureFixture[str]
):
    Answerer(retriever, reader=None).answer(QUESTION)
    assert capsys.readouterr().err == ""
