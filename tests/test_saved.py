"""What becomes of saved quotes when their article stays, changes, is renamed or goes."""

import json
from pathlib import Path
from typing import Any

import pytest

from qa.errors import SavedError
from qa.index.build import build
from qa.index.index import list_articles
from qa.render import conversation_to_json
from qa.saved import parse_answer, verify
from tests.standin import HashEncoder

TEXT = (
    "The bridge was opened in 1931.\n\nIt rained. The mayor spoke of tolls.\n\nIt rained. Nobody "
    "stayed to dance.\n"
)
PADDING = "An entirely new paragraph stands before the others.\n\n"


class Shelf:
    """An articles folder with its index, and a file of saved quotes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "articles").mkdir()
        self.write(TEXT)

    def write(self, text: str | None, name: str = "bridge.txt") -> None:
        path = self.folder / "articles" / name
        path.unlink(missing_ok=True) if text is None else path.write_text(text)
        build(
            self.folder / "articles", self.folder / "index", encoder=HashEncoder(), allow_empty=True
        )

    def quote(self, words: str, *, last: bool = False) -> dict[str, Any]:
        (article,) = list_articles(self.folder / "index")
        start = article.text.rindex(words) if last else article.text.index(words)
        end = start + len(words)
        return {
            "text": words,
            "start": start,
            "end": end,
            "prefix": article.text[max(0, start - 32) : start],
            "suffix": article.text[end : end + 32],
            "answer": {"text": words[:3], "start": start, "end": start + 3},
            "score": 0.9,
            "paragraph": 1,
            "article": {
                "id": article.id,
                "title": article.title,
                "author": None,
                "date": None,
                "url": None,
                "language": "en",
                "sha256": article.sha256,
            },
        }

    def verify(self, *quotes: dict[str, Any]) -> list[tuple[str, int | None]]:
        file = self.folder / "saved.json"
        file.write_text(json.dumps({"question": "?", "quotes": quotes}))
        return [(verdict.status, verdict.found) for verdict in verify(file, self.folder / "index")]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_a_quote_in_its_place_is_ok(shelf: Shelf):
    quote = shelf.quote("The mayor spoke of tolls.")
    assert shelf.verify(quote) == [("ok", quote["start"])]


def test_a_repeated_sentence_moves_to_where_its_neighbours_are(shelf: Shelf):
    first, second = shelf.quote("It rained."), shelf.quote("It rained.", last=True)
    shelf.write(PADDING + TEXT)
    moved = [("moved", first["start"] + len(PADDING)), ("moved", second["start"] + len(PADDING))]
    assert shelf.verify(first, second) == moved


def test_a_change_behind_the_quote_leaves_it_ok(shelf: Shelf):
    quote = shelf.quote("The bridge was opened in 1931.")
    shelf.write(TEXT + "\nA later note.\n")
    assert shelf.verify(quote) == [("ok", 0)]


def test_words_that_were_edited_away_are_told_from_words_that_never_were(shelf: Shelf):
    quote = shelf.quote("The mayor spoke of tolls.")
    forged = {**quote, "text": "The mayor spoke of tools."}
    assert shelf.verify(forged) == [("not found", None)]
    shelf.write(TEXT.replace("tolls", "taxes"))
    assert shelf.verify(quote) == [("source changed", None)]


def test_a_wrong_place_in_the_same_article_is_moved(shelf: Shelf):
    quote = shelf.quote("The mayor spoke of tolls.")
    assert shelf.verify({**quote, "start": 3}) == [("moved", quote["start"])]


def test_wrong_answering_words_are_not_ok(shelf: Shelf):
    quote = shelf.quote("The mayor spoke of tolls.")
    assert shelf.verify({**quote, "answer": {"text": "tax", "start": 0, "end": 3}}) == [
        ("not found", None)
    ]


def test_a_renamed_article_is_known_by_its_text_and_a_removed_one_is_not_found(shelf: Shelf):
    quote = shelf.quote("The mayor spoke of tolls.")
    shelf.write(None)
    shelf.write(TEXT, "renamed.txt")
    assert shelf.verify(quote) == [("ok", quote["start"])]
    shelf.write(None, "renamed.txt")
    assert shelf.verify(quote) == [("not found", None)]


def test_conversations_and_lines_of_answers_are_read_and_other_files_refused(
    shelf: Shelf, tmp_path: Path
):
    quote = shelf.quote("The mayor spoke of tolls.")
    answer: Any = {"question": "?", "quotes": [quote], "nearest": [], "seconds": {}}
    file = tmp_path / "saved.json"
    saved = json.dumps(conversation_to_json([answer, answer], saved="now"))
    for content, count in (
        (saved, 2),
        (json.dumps([answer] * 3), 3),
        (f"{json.dumps(answer)}\n" * 2, 2),
    ):
        file.write_text(content)
        assert [verdict.status for verdict in verify(file, tmp_path / "index")] == ["ok"] * count
    for content in (
        "not json",
        "[1, 2]",
        '{"answers": 3}',
        '{"question": "?"}',
        '{"quotes": [{"text": "x"}]}',
    ):
        file.write_text(content)
        with pytest.raises(SavedError, match=r"saved\.json"):
            verify(file, tmp_path / "index")


@pytest.mark.parametrize("start", ["abc", float("inf"), float("nan"), None, True, -1, 1.5, 10**40])
def test_a_place_that_is_no_number_is_told_as_an_error(shelf: Shelf, start: object):
    quote = shelf.quote("The mayor spoke of tolls.")
    with pytest.raises(
        SavedError, match=r"saved\.json does not hold answers.*a quote has .* as its 'start'"
    ):
        shelf.verify({**quote, "start": start})


@pytest.mark.parametrize("article_id", [["bridge.txt"], {}, 7, None, "\ud800"])
def test_an_article_id_that_is_no_text_is_told_as_an_error(shelf: Shelf, article_id: object):
    quote = shelf.quote("The mayor spoke of tolls.")
    source = {**quote["article"], "id": article_id, "sha256": "0"}
    with pytest.raises(
        SavedError, match=r"saved\.json does not hold answers.*a quote's article has .* as its 'id'"
    ):
        shelf.verify({**quote, "article": source})


@pytest.mark.parametrize("text", [TEXT, PADDING + TEXT, TEXT + "\nA later note.\n"])
def test_forged_answering_words_are_not_found_whatever_became_of_the_article(
    shelf: Shelf, text: str
):
    quote = shelf.quote("The mayor spoke of tolls.")
    shelf.write(text)
    for forged in (
        {"text": "bribes"},
        {"start": 0, "end": 3},
        {"end": quote["start"] + 99},
        {"start": 9, "end": 2},
    ):
        assert shelf.verify({**quote, "answer": {**quote["answer"], **forged}}) == [
            ("not found", None)
        ]


def test_a_wrong_end_is_not_ok(shelf: Shelf):
    quote = shelf.quote("The mayor spoke of tolls.")
    assert shelf.verify({**quote, "end": quote["end"] + 1}) == [("moved", quote["start"])]


@pytest.mark.parametrize(
    "forged", [{"author": "Somebody"}, {"date": "1931-01-01"}, {"url": "x"}, {"title": "Other"}]
)
def test_a_source_that_the_index_does_not_name_so_is_not_ok(shelf: Shelf, forged: dict[str, str]):
    quote = shelf.quote("The mayor spoke of tolls.")
    assert shelf.verify({**quote, "article": {**quote["article"], **forged}}) == [
        ("source changed", quote["start"])
    ]


@pytest.mark.parametrize(
    "content", ["", "[]", '{"answers": []}', "null", "7", '"x"', "[[]]", "[" * 100_000, "\xff"]
)
def test_a_file_without_answers_is_an_error(shelf: Shelf, tmp_path: Path, content: str):
    file = tmp_path / "saved.json"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(
        SavedError, match=r"saved\.json.*what `qa ask --json` prints|as `qa ask --json` prints"
    ):
        verify(file, tmp_path / "index")


def test_a_turn_keeps_only_quotes_that_stand_in_the_articles_now(shelf: Shelf):
    quote = shelf.quote("The mayor spoke of tolls.")
    forged = [
        {**quote, "end": 10**9},
        {**quote, "text": "The mayor spoke of taxes."},
        {**quote, "start": 0},
    ]
    (article,) = list_articles(shelf.folder / "index")
    answer = parse_answer({"question": "Who spoke?", "quotes": [quote, *forged]})
    (kept,) = answer.to_turn(lambda _: article).quotes
    assert (kept.text, kept.answer) == (quote["text"], (quote["start"], quote["start"] + 3))
