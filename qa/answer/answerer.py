"""Question -> answer: the sentences of the retrieved passages that answer it best, if any do.

Confidence is decided by `Ranker.judge` in `qa.answer.ranking.ranker`, and the status from it in
`Answerer._judge`, by the thresholds in `qa.answer.thresholds`.
"""

import copy
import dataclasses
import math
import re
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import NamedTuple, Self

import numpy as np

from qa.answer.followup import Resolved, resolve
from qa.answer.languages import compare_languages
from qa.answer.ranking.evidence import Floats
from qa.answer.ranking.features import Candidates, gather_candidates
from qa.answer.ranking.ranker import Ranker, confidence_features, is_sure
from qa.answer.requests.recognise import Request, drop_requests, read_request
from qa.answer.requests.responses import respond
from qa.answer.retriever import Retrieved, Retriever, map_side_by_side, read_words
from qa.answer.spelling import correct_spelling
from qa.answer.thresholds import POSSIBLY, SUBJECT_THRESHOLD, THRESHOLD
from qa.errors import QuestionError, SettingError
from qa.events import OnStage, report_answer
from qa.index.interface import EVERYWHERE, Where
from qa.reader import BUNDLED, load_reader
from qa.types import (
    NONE_CHOSEN,
    PRESENTED,
    Answer,
    Article,
    Hit,
    Progress,
    Quote,
    Reader,
    Span,
    Status,
    Turn,
)

PASSAGES_READ = 10
NEAR_QUOTE = 2.0
"""Added to the log-odds of a sentence beside the last quote, if the question depends on that."""
MAX_QUOTES = 3
QUOTE_MARGIN = 4.0
"""A further quote may score this much less than the best, in log-odds (odds of 1 to 55). On 378
questions of SQuAD 2.0's development set one of up to three quotes is right for .907 of them at 3,
.918 at 4, and no more without a limit."""


CONTEXT_MARGIN = -1.0
"""If it is ambiguous whether a question depends on those before, it is read both ways; the reading
with context is taken unless it is worse by as much as this, in log-odds of confidence. Chosen on
CoQA's stories with even numbers, and on questions of six other sets after a turn about something
else."""


LEAST_SCORE = 0.05
"""Further quotes with a lower score are not shown."""


class Search(NamedTuple):
    """One reading of a question, with or without context, and the passages found for it."""

    resolved: Resolved
    retrieved: Retrieved


class Found(NamedTuple):
    """A question whose passages have been retrieved, and not read yet."""

    question: str
    searches: tuple[Search, ...]
    """The question as written, or with context from earlier turns, or, if that is ambiguous, both
    in this order; empty for a request."""
    request: Request | None = None
    """The request, if the message is not a question."""
    last: Article | None = None
    """The article quoted last in the conversation, to which a request may refer."""
    where: Where = EVERYWHERE
    """Which articles may be quoted."""

    @property
    def hits(self) -> list[Hit]:
        """The passages that will be read, those of the first search first."""
        return [hit for search in self.searches for hit in search.retrieved.hits]


class Answerer:
    """Answers questions with quotes from a retriever's articles."""

    def __init__(
        self,
        retriever: Retriever,
        *,
        reader: Reader | str | None = BUNDLED,
        max_quotes: int = MAX_QUOTES,
        passages_read: int = PASSAGES_READ,
        threshold: float = THRESHOLD,
        possibly: float | None = None,
        on_stage: OnStage | None = None,
    ) -> None:
        """Set up.

        Args:
            retriever: finds the passages.
            reader: the bundled one, one of your own, the name or folder of a Hugging Face model, or
                None for none.
            max_quotes: at most this many quotes an answer.
            passages_read: at most so many passages are searched for sentences; of a question that
                stands alone, those whose score is far below the best one's are not read.
            threshold: confidence, 0 to 1, from which a question counts as answered.
            possibly: confidence from which it counts as possibly answered, and below which the
                answer is "not in the articles"; the usual one, or the threshold if that is lower,
                unless given.
            on_stage: called as each stage of an answer ends.

        Raises:
            SettingError: a number is out of range.
        """
        if max_quotes < 1 or passages_read < 1:
            raise SettingError(
                f"max_quotes is {max_quotes}, passages_read is {passages_read}: both have to be "
                "at least 1"
            )
        if not 0 <= threshold <= 1:
            raise SettingError(f"threshold is {threshold}: it is a probability, 0 to 1")
        if possibly is not None and not 0 <= possibly <= threshold:
            raise SettingError(
                f"possibly is {possibly}: it is a probability, at most the threshold, {threshold}"
            )
        self.retriever = retriever
        self.on_stage = on_stage
        self.reader = load_reader(reader) if isinstance(reader, str) else reader
        self.max_quotes = max_quotes
        self.passages_read = passages_read
        self.threshold = threshold
        self.possibly = min(POSSIBLY, threshold) if possibly is None else possibly

    def with_quotes(self, max_quotes: int) -> Self:
        """The same answerer, with another number of quotes at most.

        Raises:
            SettingError: the number is less than 1.
        """
        if max_quotes < 1:
            raise SettingError(f"max_quotes is {max_quotes}: it has to be at least 1")
        other = copy.copy(self)
        other.max_quotes = max_quotes
        return other

    def answer(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        as_written: bool = False,
        where: Where = EVERYWHERE,
    ) -> Answer:
        """Answer a question.

        Args:
            question: as the user wrote it.
            history: the turns before, oldest first; a question that depends on them is searched
                with their words.
            as_written: search for the question alone all the same.
            where: which articles may answer.

        Raises:
            QuestionError: the question has no words.
        """
        return self.read(self.find(question, history, as_written=as_written, where=where))

    def answer_many(
        self,
        questions: Sequence[str],
        *,
        as_written: bool = False,
        where: Where = EVERYWHERE,
        progress: Progress | None = None,
    ) -> Iterator[Answer]:
        """The answer to each question alone, in their order; several are read at once.

        They are not batched: in a batch, an answer's scores could depend on the other questions.

        Raises:
            QuestionError: a question has no words, or is given alone instead of in a list.
        """
        if isinstance(questions, str):
            raise QuestionError(f"{questions[:40]!r} is one question: give a list of them")

        def answer(question: str) -> Answer:
            return self.answer(question, as_written=as_written, where=where)

        return map_side_by_side(answer, questions, what="asking", progress=progress)

    def find(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        as_written: bool = False,
        where: Where = EVERYWHERE,
    ) -> Found:
        """The first half of `answer`: retrieve passages, which can be shown while they are read."""
        question = read_words(question)
        asked = " ".join(question.split())
        if not any(char.isalnum() for char in asked):
            raise QuestionError(
                'the question has no words: ask something like "What was the meeting about?"'
            )
        if not as_written:
            written, asked = asked, correct_spelling(self.retriever.index, asked)
            if request := read_request(written) or read_request(asked):
                quoted = [turn.quotes[0].article for turn in history if turn.quotes]
                return Found(question, (), request, quoted[-1] if quoted else None, where)
        ways = [Resolved(asked)]
        if not as_written and (resolved := resolve(asked, drop_requests(history))).context:
            ways = [resolved] if resolved.dependence == "clearly" else [*ways, resolved]
        searches = [
            Search(
                way,
                self.retriever.search(asked, self.passages_read, context=way.context, where=where),
            )
            for way in ways
        ]
        for search in searches:
            self._report_stages(search.retrieved.seconds)
        return Found(question, tuple(searches), where=where)

    def read(self, found: Found) -> Answer:
        """The second half of `answer`: read the passages, and choose quotes and status."""
        answer = self._choose(found)
        self._report_stages({"read": answer.seconds["read"]})
        report_answer(answer)
        return answer

    def _report_stages(self, seconds: dict[str, float]) -> None:
        if self.on_stage:
            for stage, spent in seconds.items():
                self.on_stage(stage, spent)

    def _choose(self, found: Found) -> Answer:
        if found.request:
            return self._respond(found, found.request)
        answers = [self._read(found.question, search) for search in found.searches]
        if found.where != EVERYWHERE and not found.hits:
            # Some passage is nearest to any question, if there is one.
            answers = [dataclasses.replace(answers[0], notice=NONE_CHOSEN)]
        if len(answers) == 1:
            return answers[0]
        alone, in_context = answers
        closest = (alone.quotes or alone.nearest)[:1]
        is_same = any(
            quote.overlaps(in_context.quotes[0]) for quote in closest if in_context.quotes
        )
        if in_context.status not in PRESENTED or is_same:
            return alone
        gain = _log_odds(in_context.confidence) - _log_odds(alone.confidence)
        return in_context if gain > CONTEXT_MARGIN else alone

    def _read(self, question: str, search: Search) -> Answer:
        resolved, found = search
        started = perf_counter()
        # More quotes come from more passages; context moves sentences of passages further down.
        is_plain = resolved.context is None and self.max_quotes <= MAX_QUOTES
        candidates = gather_candidates(
            found,
            resolved.searched,
            self.reader,
            read_all=resolved.context is not None,
            enough=is_sure if is_plain else None,
        )
        ranker = Ranker.load(candidates.way)
        scores = ranker.score(candidates)
        if resolved.context:
            scores = scores + NEAR_QUOTE * np.array(
                [
                    resolved.context.nearness(hit.passage.article.id, sentence)
                    for hit, sentence in zip(candidates.hits, candidates.sentences, strict=True)
                ]
            )
        features = confidence_features(candidates, scores)
        confidence = ranker.judge(features) if len(scores) else 0.0
        status: Status = "off_topic"
        if len(scores):
            status = self._judge(confidence, ranker.on_subject(features))
        is_shown = status in PRESENTED
        quotes = select_quotes(candidates, scores, confidence, most=self.max_quotes)
        return Answer(
            question=question,
            searched=resolved.searched,
            status=status,
            confidence=round(confidence, 4),
            quotes=quotes if is_shown else (),
            nearest=() if is_shown else quotes,
            hits=tuple(found.hits),
            generation=found.index.generation,
            seconds={**found.seconds, "read": perf_counter() - started},
            notice=compare_languages(resolved.searched, found.hits),
        )

    def _respond(self, found: Found, request: Request) -> Answer:
        started = perf_counter()

        # Of two subjects with the same best sentence, one gets its second.
        answerer = self.with_quotes(max(self.max_quotes, MAX_QUOTES))

        def answer(asked: str) -> Answer:
            return answerer.answer(asked, as_written=True, where=found.where)

        notice, quotes = respond(request, self.retriever, found.last, answer, where=found.where)
        return Answer(
            question=found.question,
            searched=" ".join(found.question.split()),
            status="no_question",
            confidence=0.0,
            quotes=quotes,
            nearest=(),
            hits=(),
            generation=self.retriever.index.generation,
            seconds={"read": perf_counter() - started},
            notice=notice,
        )

    def _judge(self, confidence: float, on_subject: float) -> Status:
        if confidence >= self.threshold:
            return "answered"
        if confidence >= self.possibly:
            return "possibly"
        return "unanswered" if on_subject >= SUBJECT_THRESHOLD else "off_topic"


def select_quotes(
    candidates: Candidates, scores: Floats, confidence: float, *, most: int
) -> tuple[Quote, ...]:
    """The best candidates as quotes; the same sentence in other articles goes into `also_in`.

    Args:
        candidates: of a question.
        scores: their scores, float64 (n,).
        confidence: becomes the score of the first quote; another's is smaller by its odds.
        most: number of quotes at most.
    """
    order = np.argsort(-scores, kind="stable")
    quotes: list[Quote] = []
    words: dict[str, int] = {}
    for number in order:
        lead = float(scores[order[0]] - scores[number])
        score = confidence * math.exp(-lead)
        if lead > QUOTE_MARGIN or (quotes and score < LEAST_SCORE < confidence):
            break
        if quotes and candidates.sentences[number].kind == "heading":
            continue  # beside a sentence, a title says nothing more
        quote = _make_quote(candidates, int(number), round(score, 4))
        if any(map(quote.overlaps, quotes)):
            continue
        same = words.get(_bare(quote.text))
        if same is not None and quotes[same].article.id != quote.article.id:
            quotes[same] = _fold(quotes[same], quote)
        elif len(quotes) < most:
            words.setdefault(_bare(quote.text), len(quotes))
            quotes.append(_add_copies(quote))
    return tuple(quotes)


def _log_odds(confidence: float) -> float:
    bounded = min(max(confidence, 1e-4), 1 - 1e-4)
    return math.log(bounded / (1 - bounded))


def _make_quote(candidates: Candidates, number: int, score: float) -> Quote:
    article = candidates.hits[number].passage.article
    sentence = candidates.sentences[number]
    answer: Span | None = None
    end = sentence.end
    if candidates.readings is not None and sentence.kind == "body":
        answer = candidates.readings[number].answer
        if answer.end > end:  # the answer runs on: quote the sentence in which it ends, too
            later = candidates.hits[number].passage.sentences
            end = next((other.end for other in later if other.end >= answer.end), later[-1].end)
            answer = Span(min(answer.start, end), min(answer.end, end))
    return Quote(article, sentence.start, end, sentence.paragraph, score, answer)


def _bare(text: str) -> str:
    """A text's words in small letters, by which copies of a sentence are recognised."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def _add_copies(quote: Quote) -> Quote:
    """The quote with its copies in files that have the same text as its article."""
    for article_id in quote.article.copies:
        other = dataclasses.replace(quote.article, id=article_id, copies=())
        quote = _fold(quote, dataclasses.replace(quote, article=other, also_in=()))
    return quote


def _fold(quote: Quote, copy: Quote) -> Quote:
    return Quote(
        quote.article,
        quote.start,
        quote.end,
        quote.paragraph,
        quote.score,
        quote.answer,
        (*quote.also_in, copy),
    )
