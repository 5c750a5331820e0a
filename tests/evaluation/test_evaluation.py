import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from qa.errors import DataSetError, QAError
from qa.evaluation.data_sets import (
    GoldQuestion,
    is_right,
    part_of,
    read_questions,
    sample_questions,
    write_articles,
)
from qa.evaluation.metrics import (
    auroc,
    calibration_error,
    chance_calibration_error,
    exact_match,
    measure_reliability,
    overlap_f1,
    risk_coverage,
)
from qa.evaluation.run import evaluate
from qa.types import Span


def test_auroc_is_the_share_of_pairs_in_the_right_order_with_ties_counting_half():
    scores = np.array([0.9, 0.5, 0.5, 0.1])
    assert auroc(scores, np.array([True, True, False, False])) == pytest.approx(3.5 / 4)


def test_calibration_error_is_the_gap_of_confidence_and_accuracy_weighted_by_bin():
    confidences = np.array([0.85, 0.85, 0.15, 0.15])
    right = np.array([True, False, False, False])
    assert calibration_error(confidences, right) == pytest.approx(0.5 * 0.35 + 0.5 * 0.15)


def test_even_a_perfect_confidence_has_a_calibration_error_by_chance():
    confidences = np.full(100, 0.5)
    # The mean distance of a share of 100 coin tosses from one half is .0398.
    assert chance_calibration_error(confidences) == pytest.approx(0.0398, abs=0.005)
    assert chance_calibration_error(np.ones(100)) == 0


def test_reliability_counts_the_right_ones_among_those_about_equally_sure():
    confidences, right = np.array([0.85, 0.89, 0.15, 1.0]), np.array([True, False, False, True])
    low, high, highest = measure_reliability(confidences, right)
    assert low == {"from": 0.1, "to": 0.2, "questions": 1, "confidence": 0.15, "right": 0.0}
    assert (high["from"], high["questions"], high["right"]) == (0.8, 2, 0.5)
    assert high["confidence"] == pytest.approx(0.87)
    assert highest["right"] == 1.0


def test_risk_falls_as_fewer_questions_are_answered():
    coverage, risk = risk_coverage(np.array([0.2, 0.9, 0.5]), np.array([False, True, True]))
    assert coverage.tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert risk.tolist() == pytest.approx([0, 0, 1 / 3])


@pytest.mark.parametrize(
    ("words", "gold", "exact", "f1"),
    [
        ("The Mill Bridge", "mill bridge.", 1.0, 1.0),
        ("the old Mill Bridge", "Mill Bridge", 0.0, 0.8),
        ("Gale", "Thorne", 0.0, 0.0),
        ("", "Thorne", 0.0, 0.0),
    ],
)
def test_words_are_compared_as_squad_does(words: str, gold: str, exact: float, f1: float):
    assert exact_match(words, gold) == exact
    assert overlap_f1(words, gold) == pytest.approx(f1)


def test_a_place_is_right_if_it_overlaps_an_answer():
    gold = GoldQuestion("q", "a.txt", "?", (Span(10, 30),))
    assert is_right(gold, "a.txt", Span(5, 40))
    assert is_right(gold, "a.txt", Span(12, 20))
    assert is_right(gold, "a.txt", Span(5, 25))
    assert not is_right(gold, "a.txt", Span(5, 10))
    assert not is_right(gold, "b.txt", Span(5, 40))


def test_offsets_of_questions_follow_the_text_into_its_file(tmp_path: Path):
    text = "One thing. Another thing.\n\nThe end."
    (tmp_path / "articles.jsonl").write_text(
        json.dumps({"id": 7, "title": 'A "title"', "text": text})
    )
    question = {
        "id": 1,
        "article_id": 7,
        "question": "What?",
        "answers": [{"text": "Another", "start": 11}],
    }
    (tmp_path / "questions.jsonl").write_text(json.dumps({**question, "answerable": True}))
    (tmp_path / "files").mkdir()
    [gold] = read_questions(tmp_path, write_articles(tmp_path, tmp_path / "files"))
    written = (tmp_path / "files" / gold.article_id).read_text()
    assert [written[start:end] for start, end in gold.spans] == ["Another"]
    assert gold.texts == ("Another",)


def test_the_same_sample_is_drawn_each_time():
    questions = [GoldQuestion(str(n), "a", "?", ()) for n in range(100)]
    assert sample_questions(questions, 5) == sample_questions(questions, 5)
    assert len(set(sample_questions(questions, 5))) == 5
    assert sample_questions(questions, None) == questions


def test_a_broken_line_is_named(tmp_path: Path):
    (tmp_path / "articles.jsonl").write_text('{"id": 1, "text": "x"}\n{"id": 2,\n')
    (tmp_path / "files").mkdir()
    with pytest.raises(QAError, match=r"articles\.jsonl, line 2: not JSON"):
        write_articles(tmp_path, tmp_path / "files")


@pytest.mark.parametrize(
    ("row", "lacks"), [('{"id": 1}', "article_id, question"), ("3", "id, article_id, question")]
)
def test_a_question_that_lacks_what_it_needs_is_named(tmp_path: Path, row: str, lacks: str):
    (tmp_path / "questions.jsonl").write_text(f"{row}\n")
    with pytest.raises(QAError, match=rf"questions\.jsonl, line 1: lacks {lacks}$"):
        read_questions(tmp_path, {})


def test_a_small_data_set_gives_all_figures(tmp_path: Path):
    articles = [
        {
            "id": "mill",
            "title": "The mill",
            "text": "The mill was built by Anna Kern in 1820. It ground rye.",
        },
        {"id": "fox", "title": "The fox", "text": "Foxes sleep by day. Foxes hunt mice at night."},
    ]
    questions = [
        {
            "id": 1,
            "article_id": "mill",
            "question": "Who built it?",
            "answers": [{"text": "Anna Kern", "start": 22}],
        },
        {
            "id": 2,
            "article_id": "fox",
            "question": "What do foxes hunt?",
            "answers": [{"text": "mice", "start": 31}],
        },
        {
            "id": 3,
            "article_id": "fox",
            "question": "Who tamed the foxes?",
            "answers": [],
            "answerable": False,
        },
    ]
    (tmp_path / "articles.jsonl").write_text("\n".join(map(json.dumps, articles)))
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, questions)))
    report, outcomes = evaluate(tmp_path, reader=None)
    assert (report.articles, report.questions, report.answerable) == (2, 3, 2)
    assert report.figures["passage recall@10"] == 1.0
    assert report.figures["quote@1"] == 1.0
    assert {"encode", "search", "read", "all"} == set(report.milliseconds)
    assert [outcome.quote_rank for outcome in outcomes] == [0, 0, None]
    assert "quote@1" in report.to_table()
    none_asked = dataclasses.replace(report, figures={"right, of answered": float("nan")})
    assert none_asked.to_json()["figures"] == {"right, of answered": None}
    assert sum(row["questions"] for row in report.reliability) == 3
    assert " right" in report.to_table()


def test_a_data_set_of_conversations_is_asked_with_its_turns_without_them_and_as_rewritten(
    tmp_path: Path,
):
    texts = {
        "mill": "The mill in Ostrey was built by Anna Kern. The mill was sold in 1820.",
        "inn": "The inn in Selby was built by Carl Rook. The inn was sold in 1750.",
    }
    articles = [{"id": name, "title": f"The {name}", "text": text} for name, text in texts.items()]
    questions = [
        {
            "id": name,
            "article_id": name,
            "question": "When was it sold?",
            "answers": [{"text": year, "start": texts[name].index(year)}],
            "history": [
                {
                    "question": f"Who built the {name}?",
                    "rationale": f"The {name} in {town} was built",
                }
            ],
            "rewrite": f"When was the {name} sold?",
        }
        for name, town, year in [("mill", "Ostrey", "1820"), ("inn", "Selby", "1750")]
    ]
    (tmp_path / "articles.jsonl").write_text("\n".join(map(json.dumps, articles)))
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, questions)))
    report, outcomes = evaluate(tmp_path, reader=None)
    assert [outcome.quote_rank for outcome in outcomes] == [0, 0]
    assert report.turns == [
        {"turns before": 1, "questions": 2, "with history": 1.0, "without": 0.5, "rewritten": 1.0},
        {"questions": 2, "with history": 1.0, "without": 0.5, "rewritten": 1.0},
    ]
    assert (
        "quote@1, turns before 1, questions 2, with history 1, without 0.5, rewritten 1"
        in report.to_table()
    )


SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Varn",
            "paragraphs": [
                {"context": "The mill closed.", "qas": []},
                {
                    "context": "Gale rebuilt it in 1931.",
                    "qas": [
                        {
                            "id": "a",
                            "question": "Who rebuilt the mill?",
                            "answers": [{"text": "Gale", "answer_start": 0}],
                        },
                        {
                            "id": "b",
                            "question": "Who burnt it?",
                            "answers": [],
                            "is_impossible": True,
                        },
                    ],
                },
            ],
        }
    ],
}


def read_gold(dataset: Path, files: Path) -> tuple[list[GoldQuestion], dict[str, str]]:
    files.mkdir()
    questions = read_questions(dataset, write_articles(dataset, files))
    return questions, {path.name: path.read_text() for path in files.iterdir()}


def test_a_squad_file_is_read_as_published(tmp_path: Path):
    (tmp_path / "dev.json").write_text(json.dumps(SQUAD))
    (who, burnt), files = read_gold(tmp_path / "dev.json", tmp_path / "files")
    text = files[who.article_id]
    assert text.endswith("The mill closed.\n\nGale rebuilt it in 1931.")
    assert [text[start:end] for start, end in who.spans] == ["Gale"]
    assert (burnt.question, burnt.spans, burnt.texts) == ("Who burnt it?", (), ())


def test_a_beir_folder_counts_any_place_of_a_relevant_article_as_right(tmp_path: Path):
    rows = [{"_id": f"d{n}", "title": "", "text": f"Text number {n}."} for n in range(3)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))
    queries = [{"_id": "q1", "text": "one?"}, {"_id": "q2", "text": "none?"}]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels/test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t2\nq1\td0\t0\n"
    )
    [gold], files = read_gold(tmp_path, tmp_path / "files")
    assert files[gold.article_id][gold.spans[0].start : gold.spans[0].end] == "Text number 1."
    assert is_right(gold, gold.article_id, Span(gold.spans[0].start + 1, gold.spans[0].end - 1))
    assert is_right(gold, gold.other_articles[0], Span(0, 5))
    assert not is_right(gold, "00000.txt", Span(0, 5))
    assert files[gold.other_articles[0]].endswith("Text number 2.")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("dev.json", "{", "is no SQuAD file"),
        ("dev.json", '{"data": [{"paragraphs": []}]}', "is no SQuAD file"),
        ("dev.json", '{"data": [{"title": "a", "paragraphs": [3]}]}', "is no SQuAD file"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, name: str, content: str, message: str):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataSetError, match=message):
        write_articles(tmp_path / name, tmp_path)


def test_a_question_on_an_article_that_is_not_there_is_named(tmp_path: Path):
    row = {"id": 1, "article_id": "none", "question": "?"}
    (tmp_path / "questions.jsonl").write_text(json.dumps(row))
    with pytest.raises(DataSetError, match="question 1 names the article none, which is not among"):
        read_questions(tmp_path, {})


@pytest.mark.parametrize(
    "wrong",
    [
        {"answers": [{"text": "1931"}]},
        {"answers": ["1931"]},
        {"answers": [{"text": 1931, "start": 4}]},
        {"history": [{"rationale": "words"}]},
    ],
)
def test_a_question_of_the_wrong_form_is_named(tmp_path: Path, wrong: dict[str, object]):
    row = {"id": 7, "article_id": "a", "question": "When?", **wrong}
    (tmp_path / "questions.jsonl").write_text(json.dumps(row))
    with pytest.raises(DataSetError, match=r"question 7 is not as a data set has it .+: correct"):
        read_questions(tmp_path, {"a": ("00000.txt", 0)})


def test_an_article_whose_text_is_none_is_named(tmp_path: Path):
    (tmp_path / "articles.jsonl").write_text('{"id": 3, "text": null}')
    with pytest.raises(DataSetError, match="article 3 is not as a data set has it"):
        write_articles(tmp_path, tmp_path)


def test_each_article_belongs_to_one_part_by_its_id_alone():
    names = [f"article {n}" for n in range(2000)]
    parts = [part_of("a set of one's own", name) for name in names]
    shares = [parts.count(part) / 2000 for part in ("report", "choose", "train")]
    assert shares == pytest.approx([0.5, 0.25, 0.25], abs=0.03)
    assert parts == [part_of("another", name) for name in names]
    assert {part_of("coqa", name) for name in names} == {"report"}
