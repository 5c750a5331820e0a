"""Whatever happened to an index before, it answers as a fresh one of the same folder does."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from qa.index.build import build
from qa.index.index import list_articles
from tests.faults.harm import Found, check_whole, find_all
from tests.standin import HashEncoder

NAMES = st.sampled_from(["a.txt", "b.txt", "c.md", "sub/d.txt", "sub/e.txt"])
WORDS = st.lists(
    st.sampled_from("bridge bay seahorses Monday lamp penny words arrived opened".split()),
    min_size=3,
)
TEXTS = st.lists(
    WORDS.map(lambda words: " ".join(words).capitalize() + "."), min_size=1, max_size=6
).map("\n\n".join)


class Histories(RuleBasedStateMachine):
    """Adds, changes, renames and removes articles, and builds in between."""

    @initialize(text=TEXTS)
    def start(self, text: str) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.articles = self.folder / "articles"
        self.articles.mkdir()
        self.write("a.txt", text)
        self.bring_up_to_date()

    @rule(name=NAMES, text=TEXTS)
    def write(self, name: str, text: str) -> None:
        (self.articles / name).parent.mkdir(exist_ok=True)
        # The name keeps two articles from being copies of each other.
        (self.articles / name).write_text(f"{text}\n\nThis is {name}.\n")

    @rule(name=NAMES, other=NAMES)
    def rename(self, name: str, other: str) -> None:
        if (self.articles / name).exists() and not (self.articles / other).exists():
            (self.articles / other).parent.mkdir(exist_ok=True)
            (self.articles / name).rename(self.articles / other)

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        (self.articles / name).unlink(missing_ok=True)

    @precondition(lambda self: hasattr(self, "folder"))
    @rule()
    def bring_up_to_date(self) -> None:
        build(self.articles, self.folder / "index", encoder=HashEncoder(), allow_empty=True)

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        self.bring_up_to_date()
        fresh = self.folder / "fresh"
        build(self.articles, fresh, encoder=HashEncoder(), allow_empty=True)
        found: Found = find_all(self.folder / "index")
        assert found == find_all(fresh)
        assert list_articles(self.folder / "index") == list_articles(fresh)
        check_whole(self.folder / "index", self.articles)
        shutil.rmtree(self.folder)


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=4, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
)
