"""What every kind of index owes to those that ask it, held against brute force."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from qa.answer.retriever import Context, Retriever
from qa.index.build import build
from qa.index.index import Index
from qa.index.interface import EVERYWHERE, SearchIndex, Where
from qa.index.words import cover, score_texts
from qa.types import Article, Span
from tests.objects import BUCKET
from tests.oracle import Oracle, Place
from tests.standin import HashEncoder

TOWNS = "Varn Ostrey Hallowmere Quill Damas Ferrow Linde Marrow Neath Oriel Pell Stane".split()
THINGS = "bridge meadow library lighthouse ferry mill orchard market".split()
QUERIES = [
    "When was the bridge at Varn opened?",
    "Who paid for the library?",
    "seahorses and eelgrass",
    "Où est la bibliothèque?",
    "أين اجتمعت اللجنة؟",
    "会议在哪里举行",
    "word found nowhere: xylophone",
    "the of and",
]
AUTHORS = (
    "Ada Cole",
    "Ben O'Hara",
    "Ünal 100%",
    "Dr. Ada  Cole and Noor al-Rahman",
    "Ben O'Hara, Ingrid Solberg",
    "Adam Cole",
    "हिन्दी लेखक",
)
CONDITIONS = [
    EVERYWHERE,
    Where(article_ids=("varn-bridge.md", "quill-mill.md", "nowhere.md")),
    Where(article_ids=()),
    Where(authors=("ada cole", "Nobody")),
    Where(authors=("BEN O’HARA", "100")),
    Where(authors=("noor  al rahman", "Solberg")),
    Where(authors=("Cole Ada", "Ada Ben", "ada col")),
    Where(authors=("", "?!")),
    Where(authors=("लेखक",)),
    Where(since="1931"),
    Where(until="1931-05"),
    Where(since="1931-05-02", until="1931-05-02"),
    Where(languages=("ar", "zh")),
    Where(title="VARN the"),
    Where(authors=("Ada Cole",), since="1900", until="1999", languages=("en",), title="bridge"),
]


def write_articles(folder: Path) -> None:
    folder.mkdir()
    for n, town in enumerate(TOWNS):
        for m, thing in enumerate(THINGS):
            author = AUTHORS[(n + 2 * m) % len(AUTHORS)]
            date = ("1931-05-02", "1931-06-30", "1854-01-01", "2003-12-31")[(n * m) % 4]
            header = f"---\ntitle: The {thing} of {town}\nauthor: {author}\n" + (
                "" if m == 7 else f"date: {date}\n"
            )
            paragraphs = [
                f"The {thing} at {town} was opened in {1800 + 7 * n + m} by {author.split()[0]}. "
                f"It cost {n} pennies. "
                + " ".join(
                    f"It was mended with {(n * k) % 11} planks and {(m + k) % 5} nails."
                    for k in range(k0)
                )
                for k0 in (2, 20, 9)
            ]
            text = "\n\n".join(
                [*paragraphs, "Divers counted forty seahorses in the eelgrass there."]
            )
            (folder / f"{town}-{thing}.md".lower()).write_text(f"{header}---\n\n{text}\n")
    (folder / "library.ar.txt").write_text(
        "مكتبة الريحان\n\nاجتمعت اللجنة في المكتبة يوم الإثنين. ثم غادرت اللجنة إلى دمشق.\n"
    )
    (folder / "meeting.zh.txt").write_text(
        "会议\n\n会议昨天在大马士革举行。委员会讨论了三个问题。会议结束后，代表们离开了。\n"
    )
    (folder / "bibliotheque.fr.txt").write_text(
        "La bibliothèque\n\nLa bibliothèque est dans la rue des Lilas. "
        "Elle a été ouverte par le maire de la ville.\n"
    )


class Case(NamedTuple):
    """An index with the brute force that it is held against."""

    index: SearchIndex
    oracle: Oracle
    places: dict[int, Place]
    """Of all its passages."""


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contract") / "articles"
    write_articles(folder)
    return folder


@pytest.fixture(scope="module")
def oracle(articles: Path) -> Oracle:
    return Oracle(articles, HashEncoder())


def open_embedded(articles: Path, folder: Path) -> SearchIndex:
    build(articles, folder, encoder=HashEncoder())
    return Index.open(folder, encoder=HashEncoder())


def open_lance(articles: Path, folder: Path) -> SearchIndex:
    return open_shared(articles, f"file://{folder}/shared")


def open_s3(articles: Path, folder: Path) -> SearchIndex:
    return open_shared(articles, f"s3://{BUCKET}/{folder.name}")


def open_shared(articles: Path, location: str) -> SearchIndex:
    pytest.importorskip("lancedb")
    from qa.index.lance.build import build_shared
    from qa.index.lance.index import LanceIndex

    build_shared(articles, location, encoder=HashEncoder())
    return LanceIndex.open(location, encoder=HashEncoder())


KINDS = {"embedded": open_embedded, "lance": open_lance, "s3": open_s3}


@pytest.fixture(scope="module", params=KINDS)
def case(
    request: pytest.FixtureRequest,
    articles: Path,
    oracle: Oracle,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Case]:
    if request.param == "s3":
        request.getfixturevalue("objects")
    index = KINDS[request.param](articles, tmp_path_factory.mktemp(request.param))
    everything = [
        i for a in index.list_articles() for i in index.find_nearby(a.id, Span(0, 0), 1000)
    ]
    places = {
        i: (article_id, span.start)
        for i, (article_id, span) in index.get_places(everything).items()
    }
    yield Case(index, oracle, places)
    index.close()


def check(
    case: Case,
    found: list[tuple[int, float]],
    expected: dict[Place, float],
    k: int,
    *,
    within: float,
) -> None:
    """Each score is right, best first, ties by id, and none that is left out is better."""
    assert found == sorted(found, key=lambda pair: (-pair[1], pair[0]))
    assert len(found) == len({i for i, _ in found}) == min(k, len(expected))
    scores = [expected[case.places[i]] for i, _ in found]
    assert [score for _, score in found] == pytest.approx(scores, abs=within, rel=1e-5)
    assert sorted(scores, reverse=True) == pytest.approx(
        sorted(expected.values(), reverse=True)[:k], abs=within
    )


@pytest.mark.parametrize("where", CONDITIONS, ids=str)
def test_vectors_find_what_brute_force_finds_in_the_articles_asked_for(case: Case, where: Where):
    for query in case.index.encoder.encode_queries(QUERIES):
        for k in (1, 10, 10_000):
            expected = case.oracle.search_vectors(query, where)
            check(case, case.index.search_vectors(query, k, where=where), expected, k, within=1e-3)


@pytest.mark.parametrize("where", CONDITIONS, ids=str)
def test_words_find_what_brute_force_finds_in_the_articles_asked_for(case: Case, where: Where):
    for query in QUERIES:
        for k in (1, 10, 10_000):
            expected = case.oracle.search_words(query, where)
            check(case, case.index.search_words(query, k, where=where), expected, k, within=1e-4)


def test_words_are_scored_among_given_passages_as_among_all(case: Case):
    for query in QUERIES:
        everything = dict(case.index.search_words(query, 10_000))
        some = [*list(case.places)[::7], -5]
        found = case.index.search_words(query, 10_000, among=some)
        assert dict(found) == pytest.approx({i: everything[i] for i in some if i in everything})
        assert case.index.search_words(query, 10, among=[]) == []


def test_every_passage_is_there_once_with_its_article_word_for_word(case: Case):
    expected = {row.place: row.passage for row in case.oracle.rows}
    found = case.index.get_passages(list(case.places))
    assert {case.places[i]: passage for i, passage in found.items()} == expected
    assert len(found) == len(expected)


def test_places_and_vectors_are_those_of_the_passages(case: Case):
    rows = {row.place: row for row in case.oracle.rows}
    for article_id, span in case.index.get_places([*case.places]).values():
        assert rows[article_id, span.start].passage.end == span.end
    vectors = case.index.passage_vectors([*case.places, -1])
    assert vectors.keys() == case.places.keys()
    for i, vector in vectors.items():
        assert vector.dtype == np.float32
        assert vector == pytest.approx(rows[case.places[i]].vector, abs=1e-3)


def test_sentences_have_the_vectors_of_their_words(case: Case):
    passages = [row.passage for row in case.oracle.rows[:5]]
    texts = [
        " ".join(p.article.text[s.start : s.end].split()) for p in passages for s in p.sentences
    ]
    vectors = case.index.sentence_vectors(passages)
    assert vectors == pytest.approx(HashEncoder().encode_passages(texts), abs=1e-3)
    assert case.index.sentence_vectors([]).shape == (0, HashEncoder().dim)


def test_passages_nearest_to_a_place_come_first(case: Case):
    starts = sorted(
        start for article_id, start in case.places.values() if article_id == "varn-mill.md"
    )
    place = Span(starts[1] + 5, starts[1] + 9)
    found = [case.places[i][1] for i in case.index.find_nearby("varn-mill.md", place, 2)]
    assert found == sorted(starts, key=lambda start: abs(start - place.start))[:2]
    assert case.index.find_nearby("nowhere.md", place, 2) == []


def test_articles_are_listed_in_order_and_in_pages(case: Case):
    expected = sorted({row.passage.article.id for row in case.oracle.rows})
    whole = list(case.index.list_articles())
    assert [article.id for article in whole] == expected
    assert [case.index.get_article(article.id) for article in whole[::9]] == whole[::9] != []
    pages: list[Article] = []
    while page := list(case.index.list_articles(after=pages[-1].id if pages else "", limit=7)):
        assert len(page) <= 7
        pages += page
    assert pages == whole
    assert case.index.get_article("nowhere.md") is None


def test_words_are_counted_over_all_passages(case: Case):
    for query in QUERIES:
        common = case.index.count_words(query)
        assert common.passages == len(case.oracle.rows)
        assert {pair: n for pair, n in common.holding.items() if n} == {
            pair: case.oracle.holding[pair] for pair in common.holding if case.oracle.holding[pair]
        }
        assert score_texts(common, "bibliothèque", [("de", "bibliothèque")]) == [
            0.0
        ]  # no such field
        assert len(cover(common, query, [("en", query)])) == 1


def test_a_question_in_some_articles_finds_the_passages_of_those_alone(case: Case):
    retriever = Retriever(case.index)
    for where in CONDITIONS:
        found = retriever.search("When was the bridge at Varn opened?", 10, where=where)
        left = sum(where.admits(row.passage.article) for row in case.oracle.rows)
        assert [where.admits(hit.passage.article) for hit in found.hits] == [True] * min(10, left)
    context = Context("", (("varn-bridge.md", Span(0, 10), 1.0),))
    elsewhere = replace(EVERYWHERE, article_ids=("quill-mill.md",))
    hits = retriever.search("When was it opened?", 50, context=context, where=elsewhere).hits
    assert {hit.passage.article.id for hit in hits} == {"quill-mill.md"}


def test_it_says_what_it_is(case: Case):
    assert case.index.generation == 1
    assert case.index.is_current
    again = case.index.reopen()
    assert (again.build_id, again.location) == (case.index.build_id, case.index.location)
    again.close()


@pytest.mark.parametrize(
    ("word", "holds"), [("libary", "library"), ("seahorsse", "seahorses"), ("xylophone", None)]
)
def test_words_spelled_alike_are_found(case: Case, word: str, holds: str | None):
    found = case.index.get_passages(case.index.find_alike(word, 5, letters=2)).values()
    held = [(holds or "") in f"{p.article.title} {p.text}".casefold() for p in found]
    assert held == ([True] * 5 if holds else [])
