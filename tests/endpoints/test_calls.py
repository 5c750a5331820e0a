from pathlib import Path
from typing import Any

import pytest

from qa import Answerer, Retriever, build
from qa.encoder.onnx import OnnxEncoder
from qa.endpoints.calls import (
    MAX_PASSAGES,
    MAX_QUESTION_CHARS,
    NAMES,
    Endpoints,
    link_to_files,
    link_to_page,
)
from qa.endpoints.describe import check_arguments, describe_calls
from qa.errors import ArticlesMissing, QAError, SettingError
from tests.conftest import SAMPLES

QUESTION = "What was the meeting about?"


@pytest.fixture(scope="module")
def endpoints(sample_index: Path, encoder: OnnxEncoder) -> Endpoints:
    answerer = Answerer(Retriever.load(sample_index, encoder=encoder), reader=None, threshold=0.0)
    return Endpoints(lambda: answerer)


FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"articles": ["the-damascus-meeting.txt"]}, {"the-damascus-meeting.txt"}),
    ({"authors": ["arthur j. pell"]}, {"hallowmere-bridge-minutes-1931.txt"}),
    ({"since": "2024", "until": "2024-03"}, {"an-hour-for-the-bicycle.md"}),
    ({"languages": ["ar"]}, {"maktabat-al-rayhan.txt"}),
    ({"title": "bay meadow"}, {"the-meadow-under-ostrey-bay.md"}),
    ({"languages": ["ar"], "title": "bay meadow"}, set()),
]


@pytest.mark.parametrize(("chosen", "ids"), FILTERS)
def test_each_filter_leaves_its_articles(
    endpoints: Endpoints, chosen: dict[str, Any], ids: set[str]
):
    hits = (
        endpoints.search("the", k=50, **chosen)["hits"] + endpoints.search("في", **chosen)["hits"]
    )
    assert {hit["article"]["id"] for hit in hits} == ids
    answer = endpoints.ask(QUESTION, **chosen)
    assert {quote["article"]["id"] for quote in answer["quotes"]} <= ids
    if "articles" not in chosen:
        listed = endpoints.list_articles(**chosen)
        assert {article["id"] for article in listed["articles"]} == ids


def test_empty_filters_leave_all_and_unknown_articles_are_told(endpoints: Endpoints):
    without_times = {"seconds": {}}
    everywhere = endpoints.ask(QUESTION) | without_times
    same = endpoints.ask(QUESTION, articles=[], since="", title="") | without_times
    assert same == everywhere
    with pytest.raises(ArticlesMissing, match=r"no article 'gone.txt': see list_articles"):
        endpoints.search("the", articles=["gone.txt"])


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6])
def test_pages_of_the_list_follow_each_other(endpoints: Endpoints, limit: int):
    ids, after = [], ""
    while True:
        page = endpoints.list_articles(after=after, limit=limit)
        ids += [article["id"] for article in page["articles"]]
        if page["next"] is None:
            break
        assert len(page["articles"]) == limit
        after = page["next"]
    assert ids == sorted(path.name for path in SAMPLES.iterdir())


@pytest.mark.parametrize("length", [7, 1000, 3050, 20_000])
def test_parts_of_an_article_are_its_whole_text(endpoints: Endpoints, length: int):
    text, start = "", 0
    while True:
        part = endpoints.read_article("the-damascus-meeting.txt", start, length)
        assert part["start"] == len(text)
        text += part["text"]
        if part["next"] is None:
            break
        start = part["next"]
    assert text == (SAMPLES / "the-damascus-meeting.txt").read_text("utf-8")
    assert part["total"] == part["end"] == len(text)
    assert endpoints.read_article("the-damascus-meeting.txt", len(text))["text"] == ""


def test_a_history_is_what_a_conversation_would_have_been(sample_index: Path, encoder: OnnxEncoder):
    asked: list[str] = []

    class Noting(Answerer):
        def answer(self, question: str, *before: Any, **more: Any) -> Any:
            asked.append(question)
            return super().answer(question, *before, **more)

    answerer = Noting(Retriever.load(sample_index, encoder=encoder))
    endpoints = Endpoints(lambda: answerer)
    history = [QUESTION, "And where was it held?"]
    alone = endpoints.ask("Who owned it?", history)
    assert asked == [*history, "Who owned it?"]
    asked.clear()
    for n, question in enumerate([*history, "Who owned it?"]):
        step = endpoints.ask(question, [*history, "Who owned it?"][:n])
    assert {**step, "seconds": {}} == {**alone, "seconds": {}}
    assert asked == [*history, "Who owned it?"], "what came before is not found again"


def test_links_lead_to_pages_files_and_addresses(
    endpoints: Endpoints, tmp_path: Path, encoder: OnnxEncoder
):
    served = endpoints.with_links(link_to_page("http://localhost:7860/"))
    quote = served.ask(QUESTION)["quotes"][0]
    assert quote["link"] == (
        f"http://localhost:7860/?article={quote['article']['id']}"
        f"&start={quote['start']}&end={quote['end']}"
    )
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles/a b&c.txt").write_text("The pier was finished in 1911.\n", "utf-8")
    (tmp_path / "articles/page.html").write_text(
        "<title>A page</title><p>The pier was painted white in the summer of 1912.</p>", "utf-8"
    )
    build(tmp_path / "articles", tmp_path / "index", encoder=encoder)
    answerer = Answerer(Retriever.load(tmp_path / "index", encoder=encoder), reader=None)
    local = Endpoints(lambda: answerer, link=link_to_files(tmp_path / "articles"))
    links = {hit["article"]["id"]: hit["link"] for hit in local.search("pier")["hits"]}
    assert links["a b&c.txt"] == f"{tmp_path.as_uri()}/articles/a%20b%26c.txt#char=0,30"
    assert links["page.html"] == f"{tmp_path.as_uri()}/articles/page.html"
    paged = endpoints.with_links(link_to_page("http://h/"))
    paged._load = local._load
    [hit] = paged.search("finished", k=1)["hits"]
    assert hit["link"] == "http://h/?article=a+b%26c.txt&start=0&end=30"
    nowhere = Endpoints(lambda: answerer, link=link_to_files(tmp_path / "elsewhere"))
    assert all("link" not in hit for hit in nowhere.search("pier")["hits"])
    with_address = endpoints.search("bicycle", articles=["an-hour-for-the-bicycle.md"])["hits"][0]
    assert with_address["link"] == "https://example.org/workshop/an-hour-for-the-bicycle"


def test_every_argument_is_described_with_its_bounds():
    calls = {call.name: call for call in describe_calls()}
    assert tuple(calls) == NAMES
    for call in calls.values():
        assert call.description[0].isupper()
        assert all(told["description"] for told in call.parameters["properties"].values())
    asked = calls["ask"].parameters
    assert asked["required"] == ["question"]
    assert asked["properties"]["question"]["maxLength"] == MAX_QUESTION_CHARS
    assert asked["properties"]["history"]["anyOf"][0] == {
        "type": "array",
        "items": {"type": "string"},
        "maxItems": 10,
    }
    assert calls["search"].parameters["properties"]["k"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_PASSAGES,
        "description": "how many passages.",
        "default": 10,
    }
    assert calls["read_article"].parameters["properties"]["start"]["minimum"] == 0


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("ask", {"question": 7}, "question is 7: give a text"),
        ("ask", {"question": ""}, "question has 0 characters: choose 1 to 1000"),
        ("ask", {"question": "a", "history": "b"}, "history is 'b': give a list of texts"),
        ("ask", {"question": "a", "history": [None]}, "an item of history is None: give a text"),
        ("ask", {"question": "a", "history": ["b"] * 11}, "history has 11 items: choose 0 to 10"),
        ("ask", {"question": "a", "quotes": 0}, "quotes is 0: choose 1 to 10"),
        ("ask", {"question": "a", "title": []}, r"title is \[\]: give a text"),
        ("search", {"query": "a", "k": 1.5}, "k is 1.5: give a whole number"),
        ("search", {"query": "a", "k": True}, "k is True: give a whole number"),
        ("search", {"query": "a", "k": None}, "k is None: give a whole number"),
        ("search", {"query": "a", "k": float("inf")}, "k is inf: give a whole number"),
        ("search", {"query": "a", "k": 10**400}, "k is 1000"),
        ("read_article", {"id": "a", "start": -1}, "start is -1: choose 0 to"),
        ("read_article", {"id": "a", "length": 20_001}, "length is 20001: choose 1 to 20000"),
        ("list_articles", {"limit": 1001}, "limit is 1001: choose 1 to 1000"),
        ("list_articles", {"\ud800": 1}, "list_articles has no argument"),
        ("read_article", {}, "read_article needs id"),
    ],
)
def test_what_is_of_another_kind_or_out_of_bounds_is_told(
    name: str, arguments: dict[str, Any], told: str
):
    with pytest.raises(SettingError, match=told):
        check_arguments(name, arguments)


def test_what_is_right_is_let_through(endpoints: Endpoints):
    assert check_arguments("search", {"query": "a", "k": 3.0, "since": None}) == {
        "query": "a",
        "k": 3,
        "since": None,
    }
    half = check_arguments("read_article", {"id": "\ud800"})
    with pytest.raises(QAError, match="there is no article"):
        endpoints.read_article(**half)
