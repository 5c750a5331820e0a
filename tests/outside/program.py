"""Builds, asks, converses, saves and checks, with every public name, as its types allow.

    python program.py ARTICLES INDEX

Lines that a type checker has to refuse say so; one that it let through would be an unused comment.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, assert_never, assert_type

import qa
from qa import (
    Answer,
    Answerer,
    Article,
    ArticleError,
    ArticleLocked,
    ArticlesMissing,
    BuildReport,
    BuildStopped,
    DataSetError,
    DiskError,
    Encoder,
    EncoderUnavailable,
    ExtraMissing,
    FetchError,
    Hit,
    Index,
    IndexBusy,
    IndexDamaged,
    IndexMismatch,
    IndexMissing,
    IndexUnreachable,
    Passage,
    PortTaken,
    QAError,
    QuestionError,
    Quote,
    Reader,
    ReaderUnavailable,
    Reading,
    Retriever,
    SavedError,
    Sentence,
    SentenceReading,
    SettingError,
    Span,
    Turn,
    Verdict,
    Where,
    answer_to_json,
    build,
    load_encoder,
    load_reader,
    verify,
)

ERRORS: tuple[type[QAError], ...] = (
    ArticleError,
    ArticleLocked,
    ArticlesMissing,
    BuildStopped,
    DataSetError,
    DiskError,
    EncoderUnavailable,
    ExtraMissing,
    FetchError,
    IndexBusy,
    IndexDamaged,
    IndexMismatch,
    IndexMissing,
    IndexUnreachable,
    PortTaken,
    QuestionError,
    ReaderUnavailable,
    SavedError,
    SettingError,
)


class FirstSentences:
    """A `Reader` of somebody's own."""

    name = "first sentences"
    scores_sentences = True

    def read(self, question: str, passages: Sequence[Passage], /) -> list[Reading]:
        return [Reading(tuple(self._score(passage)), -1.0) for passage in passages]

    def _score(self, passage: Passage) -> Iterator[SentenceReading]:
        for number, sentence in enumerate(passage.sentences):
            assert_type(sentence, Sentence)
            yield SentenceReading(1.0 - number, Span(sentence.start, sentence.end), 0.0)


def tell(answer: Answer) -> str:
    """All statuses there are."""
    match answer.status:
        case "answered" | "possibly":
            return " ".join(cite(quote) for quote in answer.quotes)
        case "unanswered" | "off_topic":
            return " ".join(cite(quote) for quote in answer.nearest)
        case "no_question":
            return answer.notice
        case other:
            assert_never(other)


def cite(quote: Quote) -> str:
    assert_type(quote.article, Article)
    assert_type(quote.article.date, str | None)
    assert_type(quote.answer, Span | None)
    assert quote.text == quote.article.text[quote.start : quote.end]
    return f"{quote.text} ({quote.article.title}, {quote.paragraph})"


def main(articles: Path, index: Path) -> None:
    encoder: Encoder = load_encoder()
    report = build(articles, index, encoder=encoder)
    assert_type(report, BuildReport)
    assert_type(report.added, tuple[str, ...])
    opened = Index.open(index, encoder=encoder)
    retriever = Retriever(opened)
    hits = retriever.retrieve("meeting", 3, where=Where(languages=("en",), until="2030"))
    assert_type(hits, list[Hit])
    passage = hits[0].passage
    assert passage.text == passage.article.text[passage.start : passage.end]
    stages: list[tuple[str, float]] = []
    reader: Reader = FirstSentences()
    own = Answerer(
        retriever, reader=reader, on_stage=lambda stage, spent: stages.append((stage, spent))
    )
    assert_type(own.with_quotes(1).answer("Where was it?"), Answer)
    assert stages
    answerer = Answerer(retriever, reader=load_reader())
    first = answerer.answer("What was the meeting about?")
    second = answerer.answer("Where was it held?", [Turn.from_answer(first)])
    third, *_ = answerer.answer_many(["Thanks"], progress=lambda done, total, what: None)
    print(*(tell(answer) for answer in (first, second, third)), sep="\n")
    saved = index / "saved.json"
    value = answer_to_json(first)
    assert_type(value["quotes"][0]["article"]["author"], str | None)
    saved.write_text(json.dumps([value, answer_to_json(second)]), encoding="utf-8")
    verdicts = verify(saved, index)
    assert_type(verdicts, list[Verdict])
    assert [verdict.status for verdict in verdicts] == ["ok"] * len(verdicts)
    try:
        answerer.answer("?!")
    except ERRORS as error:
        print(type(error).__name__)
    print(qa.__version__)


def wrong(answerer: Answerer, answer: Answer, quote: Quote) -> None:
    """What has to be refused, and is never run."""
    answerer.answer(7)  # type: ignore[arg-type]
    answerer.answer("Where?", where={"title": "x"})  # type: ignore[arg-type]
    Where(authors=["Ann"])  # type: ignore[arg-type]
    Answerer(answerer)  # type: ignore[arg-type]
    answer.confidence = 1.0  # type: ignore[misc]
    print(quote.txt)  # type: ignore[attr-defined]
    unreal: Literal["maybe"] = answer.status  # type: ignore[assignment]
    first = answer_to_json(answer)["quotes"][0]
    print(unreal, first["author"])  # type: ignore[typeddict-item]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
