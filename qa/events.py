"""Events of answering, searching and building -> callbacks, OpenTelemetry spans, log lines.

None of them contains the words of a question or an article.
"""

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from time import time_ns
from typing import Any, TypeAlias

from qa.types import Answer

LOG = logging.getLogger("qa")
"""Logs each answer, search and build at level INFO."""

OnStage: TypeAlias = Callable[[str, float], None]
"""Called as each stage of an answer ends ("encode", "search", "read") with the seconds that it
took, in the thread that did it."""


def report_answer(answer: Answer) -> None:
    """Log an answer just made, and record spans if the program uses OpenTelemetry."""
    if "opentelemetry.trace" in sys.modules:  # a program that has set it up has loaded it
        _record_spans(answer)
    if LOG.isEnabledFor(logging.INFO):
        report("answered", **_describe(answer), seconds=_round(answer.seconds))


def report(event: str, **facts: Any) -> None:
    """Log another event with its facts, which are plain values."""
    LOG.info(event, extra={"facts": facts})


class JsonLines(logging.Formatter):
    """Formats a log record as one line of JSON: time (UTC), level, event and facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        value: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.name.partition(".")[0] != LOG.name:
            value["logger"] = record.name
        if record.exc_info and record.exc_info[1]:
            value["error"] = repr(record.exc_info[1])
        return json.dumps(value, ensure_ascii=True, default=str)


def log_as_json() -> logging.Handler:
    """Write the log, with other libraries' warnings, to stderr as lines of JSON; removes all other
    handlers.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.getLogger().handlers[:] = [handler]  # libraries may have put one there
    LOG.setLevel(logging.INFO)
    return handler


def _describe(answer: Answer) -> dict[str, Any]:
    return {
        "status": answer.status,
        "confidence": round(answer.confidence, 4),
        "quotes": len(answer.quotes),
        "generation": answer.generation,
    }


def _round(seconds: dict[str, float]) -> dict[str, float]:
    return {stage: round(spent, 4) for stage, spent in seconds.items()}


def _record_spans(answer: Answer) -> None:
    """A span "qa.answer" that ends now, with a child span for each stage of `answer.seconds`."""
    from opentelemetry import trace

    tracer = trace.get_tracer("qa")
    nanoseconds = {stage: int(spent * 1e9) for stage, spent in answer.seconds.items()}
    now = time_ns() - sum(nanoseconds.values())
    facts = {f"qa.{name}": value for name, value in _describe(answer).items()}
    whole = tracer.start_span("qa.answer", start_time=now, attributes=facts)
    within = trace.set_span_in_context(whole)
    for stage, spent in nanoseconds.items():
        part = tracer.start_span(f"qa.{stage}", context=within, start_time=now)
        now += spent
        part.end(now)
    whole.end(now)
