"""The articles folder and its index together, held against a plain model: whatever is done to them
in whatever order, the index is what the folder was at the last build, and no article is lost.

`QA_STATES=200` makes it the long run.
"""

import os
import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qa.articles.folder import move_out, place_file
from qa.errors import QAError
from qa.index.build import build
from qa.index.index import list_articles
from tests.faults.harm import check_whole, find_all
from tests.faults.tamper import TAMPERS
from tests.standin import HashEncoder

NAMES = st.sampled_from(["a.txt", "b.txt", "c.md", "d.txt"])
WORDS = st.lists(st.sampled_from("bridge bay Monday lamp penny opened".split()), min_size=3)
EXAMPLES = int(os.environ.get("QA_STATES", "4"))


class Killed(BaseException):
    """Ends a build as a kill does: nothing catches it."""


class States(RuleBasedStateMachine):
    """The model: texts by name as they are in the folder, as they were indexed, and all removed."""

    @initialize()
    def start(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="states-"))
        self.articles, self.index = self.root / "articles", self.root / "index"
        self.articles.mkdir()
        self.present: dict[str, str] = {}
        self.indexed: dict[str, str] | None = None
        self.removed: Counter[str] = Counter()
        self.is_damaged = False
        self.count = 0

    def text(self, words: list[str]) -> str:
        """No two are alike: copies are refused by name."""
        self.count += 1
        return " ".join(words).capitalize() + f".\n\nThis is text {self.count}.\n"

    @rule(name=NAMES, words=WORDS)
    def add(self, name: str, words: list[str]) -> None:
        text = self.text(words)
        placed = place_file(self.articles, name, text.encode())
        assert placed not in self.present
        self.present[placed] = text

    @precondition(lambda self: self.present)
    @rule(data=st.data(), words=WORDS)
    def change(self, data: st.DataObject, words: list[str]) -> None:
        name = data.draw(st.sampled_from(sorted(self.present)))
        self.present[name] = self.text(words)
        (self.articles / name).write_text(self.present[name])

    @precondition(lambda self: self.present)
    @rule(data=st.data(), name=st.sampled_from(["x.txt", "sub/y.txt"]))
    def rename(self, data: st.DataObject, name: str) -> None:
        if name in self.present:
            return
        old = data.draw(st.sampled_from(sorted(self.present)))
        (self.articles / name).parent.mkdir(exist_ok=True)
        (self.articles / old).rename(self.articles / name)
        self.present[name] = self.present.pop(old)

    @precondition(lambda self: self.present)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.present)))
        assert move_out(self.articles, name, self.index / "removed").is_file()
        self.removed[self.present.pop(name)] += 1

    @rule()
    def build(self) -> None:
        build(self.articles, self.index, encoder=HashEncoder(), allow_empty=True)
        self.indexed, self.is_damaged = dict(self.present), False

    @rule(steps=st.integers(0, 12))
    def kill(self, steps: int) -> None:
        def stop(done: int, total: int, what: str) -> None:
            nonlocal steps
            steps -= 1
            if steps < 0:
                raise Killed

        try:
            build(self.articles, self.index, encoder=HashEncoder(), progress=stop, allow_empty=True)
        except Killed:
            # Stopped after it was published, or before.
            if self.indexed is not None and not self.is_damaged:
                found = {a.id: a.text for a in list_articles(self.index)}
                assert found in (self.indexed, self.present)
                self.indexed = found
            return
        self.indexed, self.is_damaged = dict(self.present), False

    @precondition(lambda self: self.indexed)
    @rule(seed=st.integers(0, 10**6), kind=st.sampled_from(TAMPERS))
    def damage(self, seed: int, kind: object) -> None:
        try:
            kind(self.index / "qa.sqlite", random.Random(seed))  # type: ignore[operator]
        except (IndexError, ValueError):  # nothing there that could be damaged so
            return
        self.is_damaged = True

    @invariant()
    def nothing_is_lost(self) -> None:
        if not hasattr(self, "root"):
            return
        there = {p.relative_to(self.articles).as_posix() for p in self.articles.rglob("*.*")}
        assert there == set(self.present)
        kept = Counter(p.read_text() for p in (self.index / "removed").rglob("*.*"))
        assert kept == self.removed

    @invariant()
    def the_index_is_what_was_built(self) -> None:
        if getattr(self, "indexed", None) is None:
            return
        try:
            assert {a.id: a.text for a in list_articles(self.index)} == self.indexed
        except QAError:
            assert self.is_damaged

    def teardown(self) -> None:
        if not hasattr(self, "root"):
            return
        self.build()
        self.the_index_is_what_was_built()
        fresh = self.root / "fresh"
        build(self.articles, fresh, encoder=HashEncoder(), allow_empty=True)
        assert find_all(self.index) == find_all(fresh)
        check_whole(self.index, self.articles)
        shutil.rmtree(self.root)


TestStates = pytest.mark.timeout(3600)(States.TestCase)
TestStates.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
