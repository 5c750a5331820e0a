"""What the page can do, apart from any screen: ask, search, read, and keep the articles and their
index.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from itertools import islice, zip_longest
from pathlib import Path
from threading import Lock, Thread
from time import monotonic
from typing import Any, NamedTuple

from qa.answer.answerer import PASSAGES_READ, Answerer
from qa.answer.retriever import Retriever
from qa.answer.thresholds import EXAMPLE_CONFIDENCE
from qa.articles.addresses import add_address
from qa.articles.folder import (
    add_files,
    find_article,
    move_back,
    move_out,
    place_file,
    place_text,
)
from qa.articles.formats import FormatError
from qa.articles.isolation.pool import draw_isolated
from qa.articles.read import SUFFIXES
from qa.endpoints.calls import MAX_QUESTION_CHARS
from qa.errors import (
    ArticleError,
    BuildStopped,
    QAError,
    QuestionError,
    ReaderUnavailable,
    SettingError,
)
from qa.events import report
from qa.index.build import BuildReport
from qa.index.interface import EVERYWHERE, Where
from qa.index.locate import build_index, find_removed, is_shared, read_newest_build
from qa.page.examples import suggest_questions
from qa.places import merge_ranges
from qa.reader import identify_reader
from qa.render.data import AnswerJson
from qa.saved import parse_answer
from qa.types import Answer, Article, Progress, Span

EXAMPLES = 4
EXAMPLES_TRIED = 24
MAX_SUGGESTED = 10_000
"""Articles whose examples are remembered."""


class Drawn(NamedTuple):
    """A page of a PDF as a picture."""

    picture: bytes
    """PNG."""
    page: int
    """Counted from 1."""
    pages: int
    boxes: list[list[float]]
    """[left, top, right, bottom], as shares of width and height."""
    label: str
    """What the page calls itself."""
    shape: float
    """Width over height."""


@dataclass(slots=True)
class BuildState:
    """How far a build is; read by any number of pages while one thread writes."""

    is_running: bool = False
    done: int = 0
    total: int = 0
    what: str = "starting"
    started: float = 0.0
    """Of the present stage, on the monotonic clock."""
    stop: bool = False
    number: int = 0
    """Counts builds, so that a page knows a new result when it sees one."""
    report: BuildReport | None = None
    error: str | None = None

    @property
    def rate(self) -> float:
        """Units of the present stage done a second."""
        seconds = monotonic() - self.started
        return self.done / seconds if seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Of the present stage, at the rate so far."""
        return (self.total - self.done) / self.rate if self.done and self.rate else None


class Service:
    """One articles folder with its index, shared by all pages that are open."""

    def __init__(
        self,
        articles: str | Path,
        index: str | Path,
        *,
        read_only: bool = False,
        may_fetch: bool = False,
    ) -> None:
        self.articles_folder = Path(articles)
        self.index_folder = str(index) if is_shared(index) else Path(index)
        self.read_only = read_only
        self.may_fetch = may_fetch and not read_only
        self.building = BuildState()
        self._answerer: Answerer | None = None
        self._lock = Lock()
        self._listing: tuple[str | None, tuple[Article, ...]] = (None, ())
        self._examples_lock = Lock()
        self._examples: tuple[str | None, tuple[str, ...] | None] = (None, None)
        self.is_looking = False
        """Whether examples are looked for."""
        self._suggested: dict[tuple[str, str], tuple[str, ...]] = {}

    # -- asking ------------------------------------------------------------------------------------

    def prepare(self, progress: Progress | None = None) -> None:
        """Bring the index up to date (unless read-only) and load the models."""
        if not self.read_only:
            build_index(
                self.articles_folder,
                self.index_folder,
                progress=progress,
                reader=identify_reader(),
            )
        self.answerer.answer("Is everything loaded?")

    @property
    def answerer(self) -> Answerer:
        """Made when first used: it loads the models."""
        with self._lock:
            if self._answerer is None:
                retriever = Retriever.load(self.index_folder)
                try:
                    self._answerer = Answerer(retriever)
                except ReaderUnavailable:
                    self._answerer = Answerer(retriever, reader=None)
            return self._answerer

    @property
    def passages_read(self) -> int:
        """How many passages are read for a question."""
        return PASSAGES_READ

    def ask(
        self,
        question: str,
        before: Sequence[AnswerJson] = (),
        *,
        where: Where = EVERYWHERE,
        as_written: bool = False,
    ) -> Answer:
        """Answer a question, given the answers before it, oldest first.

        Raises:
            QuestionError: it has no words, or too many.
            SavedError: what is said to be an answer is none.
        """
        turns = [parse_answer(answer).to_turn(self.get_article) for answer in before]
        return self.answerer.answer(_limit(question), turns, where=where, as_written=as_written)

    # -- reading -----------------------------------------------------------------------------------

    def get_article(self, article_id: str) -> Article | None:
        """One article, whole."""
        return self.answerer.retriever.index.get_article(article_id)

    def draw_page(self, article: Article, mark: Span, *, page: int, width: int) -> Drawn | None:
        """A page of the PDF that an article was read from, counted from 1, with boxes about what of
        the mark stands on it; None where the file is no PDF, is another now, or cannot be drawn.
        """
        if article.origin is None or article.origin.format != "PDF":
            return None
        ranges = merge_ranges(article.origin.layout.find_characters(*mark), page)
        try:
            data = find_article(self.articles_folder, article.id).read_bytes()
            if sha256(data).hexdigest() != article.origin.sha256:
                return None
            picture, about = draw_isolated(data, page=page - 1, width=width, ranges=ranges)
        except (OSError, QAError, FormatError):
            return None
        label = article.origin.layout.labels[page - 1 : page]
        shape = about["width"] / about["height"]
        return Drawn(
            picture, page, about["pages"], about["boxes"], label[0] if label else "", shape
        )

    def list_articles(self) -> tuple[Article, ...]:
        """All articles, in order of their titles."""
        build_id = self.build_id
        if self._listing[0] != build_id or build_id is None:
            found = tuple(self.answerer.retriever.index.list_articles()) if build_id else ()
            self._listing = (
                build_id,
                tuple(sorted(found, key=lambda article: article.title.casefold())),
            )
        return self._listing[1]

    @property
    def build_id(self) -> str | None:
        """Identity of the newest build, whoever made it; None before the first."""
        return read_newest_build(self.index_folder)

    @property
    def examples(self) -> tuple[str, ...] | None:
        """Questions that this index answers; while those of a new build are looked for, in a thread
        of its own, the ones of the build before, or None.
        """
        build_id = self.build_id
        if build_id is None:
            return ()
        with self._examples_lock:
            if self._examples[0] != build_id:
                self._examples = (build_id, self._examples[1])
                self.is_looking = True
                Thread(
                    target=self._find_examples, args=(build_id,), name="examples", daemon=True
                ).start()
            return self._examples[1]

    @property
    def version(self) -> str:
        """Changes whenever an open page should look again."""
        self.examples  # noqa: B018 - begins to look for them
        return f"{self.build_id} {self.is_looking}"

    def _find_examples(self, build_id: str) -> None:
        found: tuple[str, ...] = ()
        try:
            found = tuple(self._try_examples())
        finally:
            with self._examples_lock:
                if self._examples[0] == build_id:
                    self._examples = (build_id, found)
                    self.is_looking = False

    def _try_examples(self) -> Iterator[str]:
        found = 0
        for question in suggest_questions(self.list_articles(), most=EXAMPLES_TRIED):
            if self._answers(question):
                found += 1
                yield question
                if found == EXAMPLES:
                    return

    def _answers(self, question: str, article_id: str | None = None) -> bool:
        answer = self.ask(question)
        if answer.status != "answered" or answer.confidence < EXAMPLE_CONFIDENCE:
            return False
        return article_id in (None, answer.quotes[0].article.id)

    def suggest(self, article_ids: Sequence[str], *, but: Sequence[str] = ()) -> list[str]:
        """Questions that these articles answer well, in turn from one after the other."""
        rounds = zip_longest(*(self._suggest_of(article_id) for article_id in article_ids))
        asked = {question.casefold().strip() for question in but}
        found = dict.fromkeys(question for one in rounds for question in one if question)
        return [question for question in found if question.casefold() not in asked]

    def _suggest_of(self, article_id: str) -> tuple[str, ...]:
        article = self.get_article(article_id)
        if article is None:
            return ()
        key = (article_id, article.sha256)
        if key not in self._suggested:
            if len(self._suggested) >= MAX_SUGGESTED:
                self._suggested.clear()
            tried = suggest_questions([article], most=EXAMPLES_TRIED)
            fitting = (question for question in tried if self._answers(question, article_id))
            self._suggested[key] = tuple(islice(fitting, EXAMPLES))
        return self._suggested[key]

    def describe(self) -> dict[str, Any]:
        """What there is, for whoever wants to know: articles, index, models."""
        index = self.answerer.retriever.index if self.build_id else None
        return {
            "version": version("article-qa"),
            "articles": len(self.list_articles()),
            "generation": index.generation if index else 0,
            "encoder": index.encoder.name if index else "",
            "reader": identify_reader(),
        }

    # -- changing ----------------------------------------------------------------------------------

    def add_file(
        self, name: str, data: bytes, *, within: str = "", password: str | None = None
    ) -> str:
        """Put a file into the articles folder, or a folder within it, and return its id.

        Raises:
            ArticleError: it is no usable article, or is there already.
            ArticleLocked: it is encrypted, and this is not its password.
        """
        self._check_may_change()
        return place_file(self.articles_folder, name, data, within=within, password=password)

    def add_archive(self, path: Path) -> tuple[list[str], list[ArticleError]]:
        """Put the articles of a zip archive into the articles folder; returns ids of those now
        there, and what is wrong with the others.
        """
        self._check_may_change()
        return add_files(self.articles_folder, [path])

    def add_text(self, title: str, text: str) -> str:
        """Put pasted text into the articles folder and return its id.

        Raises:
            ArticleError: it has no words.
        """
        self._check_may_change()
        return place_text(self.articles_folder, title, text)

    def add_address(self, url: str) -> str:
        """Fetch what is at an address into the articles folder and return its id.

        Raises:
            QAError: this server fetches nothing, or the address cannot be fetched.
            ArticleError: what is there is no usable article, or is there already.
        """
        self._check_may_change()
        if not self.may_fetch:
            raise QAError("this page fetches nothing: start it with --fetch to allow that")
        removed = find_removed(self.articles_folder, self.index_folder)
        return add_address(self.articles_folder, url, removed=removed).id

    def remove(self, article_id: str) -> str:
        """Move an article's file out of the articles folder; returns its name among the removed.

        Raises:
            ArticlesMissing: there is no such article.
        """
        self._check_may_change()
        removed = find_removed(self.articles_folder, self.index_folder)
        return move_out(self.articles_folder, article_id, removed).relative_to(removed).as_posix()

    def restore(self, name: str, article_id: str) -> str:
        """Undo `remove`, of which both are known; returns the article's id.

        Raises:
            ArticlesMissing: there is no such removed file.
            ArticleError: another article has its place now.
        """
        self._check_may_change()
        removed = find_removed(self.articles_folder, self.index_folder)
        return move_back(self.articles_folder, article_id, find_article(removed, name))

    def start_build(self, *, password: str | None = None) -> None:
        """Bring the index up to date in a thread of its own; `building` tells how far it is. The
        password is that of encrypted files added before.
        """
        self._check_may_change()
        with self._lock:
            if self.building.is_running:
                raise QAError("the index is being built already: wait until that is done")
            self.building = BuildState(
                is_running=True, started=monotonic(), number=self.building.number + 1
            )
        Thread(
            target=self._build, args=(self.building, password), name="build", daemon=True
        ).start()

    def stop_build(self) -> None:
        """Cancel the build that is running; what it has encoded so far is kept for the next."""
        self.building.stop = True

    def _build(self, state: BuildState, password: str | None) -> None:
        def note(done: int, total: int, what: str) -> None:
            if state.stop:
                raise BuildStopped(
                    "stopped; the index is as it was, and the next build goes on from there"
                )
            if what.partition(": ")[0] != state.what.partition(": ")[0]:
                state.started = monotonic()
            state.done, state.total, state.what = done, total, what

        try:
            encoder = self._answerer.retriever.index.encoder if self._answerer else None
            state.report = build_index(
                self.articles_folder,
                self.index_folder,
                encoder=encoder,
                progress=note,
                reader=identify_reader(),
                allow_empty=True,
                password=password,
            )
        except QAError as error:
            state.error = str(error)
        except Exception as error:
            state.error = f"the index could not be built ({error}): run `qa build` to see more"
            raise
        finally:
            state.is_running = False
            built = {"generation": state.report.generation} if state.report else {}
            report("built", **built, error=state.error)

    def _check_may_change(self) -> None:
        if self.read_only:
            raise QAError("this page is read-only: start it without --read-only to change articles")


def read_where(value: Mapping[str, Any]) -> Where:
    """Conditions by the names of the fields of `Where`, as they come from outside.

    Raises:
        SettingError: there is something else among them.
    """
    many, one = ("article_ids", "authors", "languages"), ("since", "until", "title")
    found: dict[str, Any] = {}
    for name, given in value.items() if isinstance(value, Mapping) else [("where", value)]:
        if name in many and isinstance(given, list) and all(isinstance(x, str) for x in given):
            found[name] = tuple(given)
        elif name in one and isinstance(given, str):
            found[name] = given
        else:
            raise SettingError(
                f"{ascii(name)[:40]} is not understood: choose articles by "
                "article_ids, authors and languages (lists of texts), since, until and title"
            )
    return Where(**found)


def _limit(question: str) -> str:
    if len(question) > MAX_QUESTION_CHARS:
        raise QuestionError(
            f"the question has {len(question)} characters: ask with at most {MAX_QUESTION_CHARS}"
        )
    return question


__all__ = [
    "MAX_QUESTION_CHARS",
    "SUFFIXES",
    "BuildState",
    "Service",
    "read_where",
]
