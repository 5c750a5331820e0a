"""Random input at every boundary: the program answers, or gives one of its own errors.

    python -m tests.faults.fuzz --inputs 10000

No traceback, no wrong quote, within a time and memory bound. The tests run a shorter form.
"""

import argparse
import json
import re
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qa import render
from qa.answer.answerer import Answerer
from qa.answer.retriever import Retriever
from qa.articles.folder import clean_name, find_article, place_file
from qa.articles.passages import split_passages
from qa.articles.read import read_article
from qa.errors import QAError
from qa.index.build import build
from qa.index.doctor import Finding, examine
from qa.index.index import list_articles
from qa.page.source_panel import find_in_address, find_place
from qa.saved import read_answers, verify
from tests.faults.calls import ENDPOINTS, NAMES, PAGE_ENDPOINTS, as_body, call, start_server
from tests.faults.harm import find_all, write_articles
from tests.standin import HashEncoder
from tests.strategies import ANY_TEXT

MAX_SECONDS = 30.0
MAX_BYTES = 1.5 * 2**30
COMMANDING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff]")

WILD_TEXT = st.one_of(ANY_TEXT, st.text(max_size=60), st.text(st.characters(), max_size=2000))
"""Lone surrogates included, as a shell makes them of bytes that are no UTF-8."""
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
BYTES = st.one_of(
    st.binary(max_size=3000),
    ANY_TEXT.map(lambda text: text.encode()),
    st.tuples(ANY_TEXT, st.sampled_from(["utf-16", "utf-32", "cp1251", "latin-1", "koi8-r"])).map(
        lambda pair: pair[0].encode(pair[1], "replace")
    ),
    st.tuples(ANY_TEXT, st.binary(max_size=20)).map(lambda pair: pair[0].encode() + pair[1]),
)


class Shelf:
    """A small index to ask, with a service over it; made once."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        self.articles, self.index = self.folder / "articles", self.folder / "index"
        write_articles(self.articles, 6, seed=7)
        build(self.articles, self.index, encoder=HashEncoder())
        retriever = Retriever.load(self.index, encoder=HashEncoder())
        self.answerer = Answerer(retriever, passages_read=2)
        self.texts = {article.id: article.text for article in list_articles(self.index)}
        self.saved = render.answer_to_json(self.answerer.answer("Who opened the bridge?"))

    def get_article(self, article_id: str) -> Any:
        """As the page's service does."""
        return self.answerer.retriever.index.get_article(article_id)


@cache
def shelf() -> Shelf:
    """The one that all share."""
    return Shelf()


def read_file(data: bytes, suffix: str) -> None:
    """Any bytes as an article: read, split, its places those of its text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a{suffix}")
        path.write_bytes(data)
        try:
            article = read_article(path)
        except QAError as error:
            assert str(error).isprintable() or "\n" not in str(error)
            return
    json.dumps(render.article_to_json(article), ensure_ascii=False).encode()
    for passage in split_passages(article, HashEncoder().count_tokens):
        for sentence in passage.sentences:
            assert 0 <= passage.start <= sentence.start < sentence.end <= passage.end
            assert article.text[sentence.start : sentence.end].strip()


def read_front_matter(front: str) -> None:
    """Any text between the rules on top."""
    read_file(
        f"---\ntitle: x\n{front}\n---\nThe bridge was opened.\n".encode("utf-8", "replace"), ".md"
    )


def ask(question: str) -> None:
    """Any question: quotes are what stands in the articles."""
    try:
        answer = shelf().answerer.answer(question)
    except QAError:
        return
    for quote in (*answer.quotes, *answer.nearest):
        assert quote.text == shelf().texts[quote.article.id][quote.start : quote.end]
        assert quote.text
    shown = (render.answer_to_text(answer), render.answer_to_markdown(answer))
    assert not COMMANDING.search(shown[0])
    render.answer_to_html(answer)
    json.dumps(render.answer_to_json(answer), ensure_ascii=False).encode()


def go_on_from(content: bytes) -> None:
    """Any file as a history, and as answers to verify."""
    path = shelf().folder / "saved.json"
    path.write_bytes(content)
    try:
        for verdict in verify(path, shelf().index):
            assert verdict.status != "ok" or verdict.text in shelf().texts[verdict.article_id]
            assert "\n" not in render.one_line(verdict.to_line())
        turns = [answer.to_turn(shelf().get_article) for answer in read_answers(path)]
        shelf().answerer.find("Where was it opened?", turns)
    except QAError as error:
        assert "saved.json" in str(error) or "question" in str(error) or "words" in str(error)


def damage_saved(path: list[int], value: object) -> None:
    """An answer as it was saved, one value in it another."""
    saved = json.loads(json.dumps(shelf().saved))
    place: Any = saved
    for step in path:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        key = keys[step % len(keys)]
        if isinstance(place[key], (dict, list)) and place[key] and step % 5:
            place = place[key]
        else:
            place[key] = value
            break
    go_on_from(json.dumps(saved).encode())


def show_place(wanted: dict[str, object], query: dict[str, str]) -> None:
    """Whatever a browser says that it wants to see."""
    named: Any = shelf()
    find_place(named, {"article": "article-000.txt", **wanted})
    find_in_address(named, {"article": "article-000.txt", **query})


def name_article(name: str, data: bytes) -> None:
    """Any name for an article to add, and to remove: nothing outside the folder is touched."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "articles")
        folder.mkdir()
        (Path(parent) / "beside.txt").write_text("Words.")
        with suppress(QAError):
            placed = place_file(folder, name, data)
            assert (folder / placed).read_bytes() == data
            assert find_article(folder, placed).is_file()
        try:
            find_article(folder, name)
        except QAError as error:
            assert str(error)
        with suppress(QAError):
            assert len(clean_name(name)) < 200
        assert sorted(path.name for path in Path(parent).iterdir()) == ["articles", "beside.txt"]


def print_text(text: str) -> None:
    """Any text on a terminal, in Markdown, in HTML."""
    assert not COMMANDING.search(render.printable(text))
    assert not re.search(r"[\n\t\u2028\u2029]", render.one_line(text))
    assert not re.search("[\u202d\u202e]", render.escape_markdown(text))
    assert not re.search("[<>]", render.escape_html(text))


def call_endpoint(endpoint: str, body: bytes) -> None:
    """Any body sent to the page's endpoints for programs."""
    made = shelf()
    call(start_server(made.articles, made.index, made.answerer), endpoint, body)


def damage_store(flips: list[tuple[int, int]]) -> None:
    """Any bytes of the store changed: noticed or harmless, and mended."""
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder, "index")
        shutil.copytree(shelf().index, index)
        data = bytearray((index / "qa.sqlite").read_bytes())
        for place, value in flips:
            data[place % len(data)] = value
        (index / "qa.sqlite").write_bytes(data)
        whole = find_all(shelf().index)
        assert all(
            isinstance(f, Finding) for f in examine(index, shelf().articles, encoder=HashEncoder())
        )
        try:
            assert find_all(index) == whole
        except QAError as error:
            assert "delete" not in str(error)
        build(shelf().articles, index, encoder=HashEncoder())
        assert find_all(index) == whole


def make_sendable(text: str) -> str:
    """Without lone surrogates, which no JSON in UTF-8 holds."""
    return text.encode("utf-8", "replace").decode()


BOUNDARIES: dict[str, tuple[Callable[..., None], tuple[st.SearchStrategy[Any], ...]]] = {
    "files": (read_file, (BYTES, st.sampled_from([".txt", ".md"]))),
    "front matter": (read_front_matter, (WILD_TEXT,)),
    "questions": (ask, (WILD_TEXT,)),
    "histories": (
        go_on_from,
        (st.one_of(st.binary(max_size=200), JSON.map(lambda value: json.dumps(value).encode())),),
    ),
    "saved answers": (damage_saved, (st.lists(st.integers(0, 99), max_size=8), JSON)),
    "places": (
        show_place,
        (
            st.dictionaries(st.sampled_from(["article", "marks", "start", "end", "window"]), JSON),
            st.dictionaries(st.sampled_from(["article", "start", "end"]), st.text(max_size=20)),
        ),
    ),
    "names": (
        name_article,
        (st.one_of(WILD_TEXT, st.text(max_size=20).map(lambda t: t + ".txt")), BYTES),
    ),
    "calls": (
        call_endpoint,
        (
            st.sampled_from(ENDPOINTS),
            st.one_of(
                st.binary(max_size=100),
                JSON.map(as_body),
                st.lists(st.one_of(WILD_TEXT.map(make_sendable), JSON), max_size=9).map(as_body),
            ),
        ),
    ),
    "page calls": (
        call_endpoint,
        (
            st.sampled_from(PAGE_ENDPOINTS),
            st.dictionaries(st.sampled_from(NAMES.split()), JSON, max_size=5).map(
                lambda wanted: as_body([json.dumps(wanted)])
            ),
        ),
    ),
    "terminal": (print_text, (WILD_TEXT,)),
    "store": (
        damage_store,
        (st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=30),),
    ),
}
COSTLY = {"store": 20, "calls": 10, "page calls": 10, "questions": 2}
"""So many times fewer inputs."""


def measure_peak() -> int:
    """The most memory that this process has had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run(name: str, inputs: int, *, derandomize: bool = False) -> float:
    """So many inputs to one boundary; returns the seconds that the slowest took."""
    check, strategies = BOUNDARIES[name]
    slowest = 0.0

    def timed(*values: object) -> None:
        nonlocal slowest
        started = time.perf_counter()
        check(*values)
        slowest = max(slowest, time.perf_counter() - started)
        assert slowest < MAX_SECONDS

    most = max(2, inputs // COSTLY.get(name, 1))
    fuzz = settings(
        max_examples=most,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=derandomize,
    )(given(st.tuples(*strategies))(lambda values: timed(*values)))
    before = measure_peak()
    fuzz()
    # In a process that has had models and a browser's server before, only what is added counts.
    assert measure_peak() - before < MAX_BYTES
    return slowest


def main() -> None:
    """Run all boundaries and print what came of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, default=10_000, help="in all, about")
    parser.add_argument("--only", choices=list(BOUNDARIES))
    args = parser.parse_args()
    names = [args.only] if args.only else list(BOUNDARIES)
    each = round(args.inputs / sum(1 / COSTLY.get(name, 1) for name in names))
    for name in names:
        started = time.perf_counter()
        slowest = run(name, each)
        count = each // COSTLY.get(name, 1)
        seconds = time.perf_counter() - started
        print(
            f"{name:14} {count:6} inputs in {seconds:5.0f} s, slowest {slowest:.2f} s", flush=True
        )
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"memory {most:.0f} MiB", file=sys.stdout)


if __name__ == "__main__":
    main()
