import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.index.words import Text, WordIndex, cover, field_of, score_texts

TEXTS = [
    Text(1, "en", "The bridge was closed because its pier had sunk.", "The bridge"),
    Text(2, "en", "The meeting of the committee was held on Monday."),
    Text(3, "en", "Bridges are closed in winter; a closed bridge costs the town nothing."),
    Text(4, "ar", "اجتمعت اللجنة في المكتبة يوم الإثنين."),
    Text(5, "zh", "会议昨天在大马士革举行。"),
    Text(6, None, "Résumé meeting 42"),
    Text(7, "en", "The cafe\u0301 in the old ﬁsh market is open."),
]
FIELDS = sorted({field_of(text.language) for text in TEXTS})


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> WordIndex:
    return WordIndex.build(tmp_path_factory.mktemp("words"), TEXTS, FIELDS)


def ids(found: list[tuple[int, float]]) -> list[int]:
    return [text_id for text_id, _ in found]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Why was the bridge closed?", [1, 3]),
        ("closing bridges", [1, 3]),
        ("committee meeting", [2, 6]),
        ("أين اجتمعت اللجنة؟", [4]),
        ("会议在哪里举行？", [5]),
        ("resume", [6]),
        ("CAFÉ", [7]),
        ("fish", [7]),
        ("the of", []),
        ("", []),
        ("?!", []),
        ("cafe\udcff", [7]),
    ],
)
def test_words_are_found_in_their_forms_and_languages(words, query, expected):
    assert ids(words.search(query, 10)) == expected


def test_scores_are_those_of_bm25_by_its_formula(tmp_path):
    plain = [Text(n, None, text) for n, text in enumerate(["a b b c", "a c", "c c c d e f"])]
    index = WordIndex.build(tmp_path, plain, ["plain"])
    average = (4 + 2 + 6) / 3

    def expected(count: int, length: int, holding: int) -> float:
        rarity = math.log(1 + (3 - holding + 0.5) / (holding + 0.5))
        return rarity * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / average))

    assert index.search("b", 5) == [(0, pytest.approx(expected(2, 4, 1), rel=1e-5))]
    assert dict(index.search("a c", 5)) == {
        0: pytest.approx(expected(1, 4, 2) + expected(1, 4, 3), rel=1e-5),
        1: pytest.approx(expected(1, 2, 2) + expected(1, 2, 3), rel=1e-5),
        2: pytest.approx(expected(3, 6, 3), rel=1e-5),
    }
    # The same formula scores any text, here these again.
    scores = score_texts(index.count_words("a c"), "a c", [(None, text.text) for text in plain])
    assert scores == [pytest.approx(score, rel=1e-5) for _, score in sorted(index.search("a c", 5))]


def test_a_search_among_some_gives_them_the_scores_that_they_have_among_all(words):
    everything = dict(words.search("closed bridge meeting", 10))
    assert words.search("closed bridge meeting", 10, among=[2, 3, 5]) == [
        (text_id, everything[text_id]) for text_id in sorted({2, 3}, key=lambda n: -everything[n])
    ]
    assert words.search("closed", 10, among=[]) == []


def test_ties_are_in_order_of_ids_and_no_more_than_asked_for_are_found(tmp_path):
    index = WordIndex.build(
        tmp_path, [Text(n, "en", "the same bridge") for n in (9, 3, 7, 1)], ["en"]
    )
    assert ids(index.search("bridge", 10)) == [1, 3, 7, 9]
    assert len(index.search("bridge", 2)) == 2
    assert index.search("bridge", 0) == []


def test_cover_is_the_weighted_share_of_a_questions_words(words):
    query, texts = (
        "a sunken committee",
        [("en", "committees sunken"), ("en", "committee"), ("en", "x")],
    )
    full, half, none = cover(words.count_words(query), query, texts)
    assert (full, none) == (1.0, 0.0)
    assert (
        0.0 < half < 0.5
    )  # "committee" is in the index and so weighs less than "sunken", which is not
    assert cover(words.count_words("the"), "the", [("en", "the")]) == [0.0]
    assert cover(words.count_words("bridge"), "bridge", []) == []


def test_an_index_is_the_same_when_opened_again(words, tmp_path):
    WordIndex.build(tmp_path, TEXTS, FIELDS)
    again = WordIndex.open(tmp_path, FIELDS)
    assert len(again) == len(words) == len(TEXTS)
    for query in ("closed bridge", "会议", "اللجنة", "meeting"):
        assert again.search(query, 10) == words.search(query, 10)


def test_an_empty_index_finds_nothing(tmp_path: Path):
    index = WordIndex.build(tmp_path, [], ["en"])
    assert len(index) == 0
    assert index.search("bridge", 5) == []
    assert score_texts(index.count_words("bridge"), "bridge", [("en", "bridge")]) == [
        pytest.approx(math.log(2), rel=1e-5)
    ]


def test_a_text_of_a_language_without_a_field_has_no_score(words):
    assert score_texts(words.count_words("Brücke"), "Brücke", [("de", "Die Brücke")]) == [0.0]


@pytest.mark.parametrize(
    ("language", "field"), [("en", "en"), ("ja", "unspaced"), ("pl", "plain"), (None, "plain")]
)
def test_a_language_has_its_field(language, field):
    assert field_of(language) == field


@given(st.text(st.characters()))
def test_any_query_can_be_searched(words, query):
    scores = [score for _, score in words.search(query, 5)]
    assert scores == sorted(scores, reverse=True)
    assert min(scores, default=1.0) > 0
    shares = cover(words.count_words(query), query, [("en", query), ("zh", query)])
    assert [0 <= share <= 1 for share in shares] == [True, True]


OTHERS = [
    Text(3, "en", "Bridges are closed in spring; closed, closed, closed."),
    Text(8, "ar", "فُتِحَتِ المكتبةُ يومَ الأحد."),
    Text(9, "zh", '会议"明天"举行。\n在桥上。'),
    Text(10, "en", "A meeting of the bridge's committee was closed. " * 20),
]
ASKED = ["closed bridge meeting", "فُتِحَتِ المكتبةُ", '"明天"举行。\n在', "committee town resume"]


def test_scores_after_texts_were_taken_out_and_put_in_are_those_of_an_index_made_anew(tmp_path):
    (tmp_path / "changed").mkdir()
    (tmp_path / "anew").mkdir()
    WordIndex.build(tmp_path / "changed", TEXTS, FIELDS)
    WordIndex.extend(tmp_path / "changed", OTHERS, FIELDS, removed=[1, 3, 4])
    WordIndex.extend(tmp_path / "changed", [], FIELDS, removed=[2], is_worn=True)
    changed = WordIndex.open(tmp_path / "changed", FIELDS, is_worn=True)
    left = [text for text in TEXTS if text.id in (5, 6, 7)]
    anew = WordIndex.build(tmp_path / "anew", [*left, *OTHERS], FIELDS)
    assert len(changed) == len(anew) == 7
    for query in ASKED:
        found, expected = changed.search(query, 3), anew.search(query, 3)
        assert expected
        assert found == [(text_id, pytest.approx(score, rel=1e-5)) for text_id, score in expected]
        assert changed.count_words(query) == anew.count_words(query)
        among = [(i, pytest.approx(score)) for i, score in anew.search(query, 3, among=[3, 9, 10])]
        assert changed.search(query, 3, among=[3, 9, 10]) == among


def test_a_search_looks_past_what_texts_taken_out_make_of_scores(tmp_path):
    """Half the index goes: what remains is found in the order that an index made anew has."""
    texts = [
        Text(n, None, f"{'mill ' * (n % 5)}{'tower ' * (n % 3)}{'oak ' * (n % 7)}x")
        for n in range(400)
    ]
    (tmp_path / "changed").mkdir()
    (tmp_path / "anew").mkdir()
    WordIndex.build(tmp_path / "changed", texts, ["plain"])
    gone = [n for n in range(400) if n % 3 and n % 4 < 3]
    changed = WordIndex.extend(tmp_path / "changed", [], ["plain"], removed=gone)
    left = [text for text in texts if text.id not in gone]
    anew = WordIndex.build(tmp_path / "anew", left, ["plain"])
    for query in ("mill tower", "oak", "tower oak mill"):
        assert changed.search(query, 10) == [
            (text_id, pytest.approx(score, rel=1e-5)) for text_id, score in anew.search(query, 10)
        ]
