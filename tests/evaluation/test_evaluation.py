import json
from pathlib import Path

import numpy as np
import pytest

from qa.errors import QAError
from qa.evaluation.data_sets import (
    GoldQuestion,
    is_right,
    read_questions,
    sample_questions,
    write_articles,
)
from qa.evaluation.metrics import (
    auroc,
    calibration_error,
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


def test_a_place_is_right_if_it_holds_an_answer_or_lies_in_one():
    gold = GoldQuestion("q", "a.txt", "?", (Span(10, 30),))
    assert is_right(gold, "a.txt", Span(5, 40))
    assert is_right(gold, "a.txt", Span(12, 20))
    assert not is_right(gold, "a.txt", Span(5, 25))
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
