import shutil
from pathlib import Path

import numpy as np
import pytest

from qa import IndexMissing, Retriever
from qa.answer.retriever import Context, zscores
from qa.encoder.onnx import OnnxEncoder
from qa.index.build import build
from qa.types import Span


@pytest.fixture(scope="module")
def retriever(sample_index: Path, encoder: OnnxEncoder) -> Retriever:
    return Retriever.load(sample_index, encoder=encoder)


def test_zscores_have_mean_0_and_deviation_1_or_are_all_0():
    scores = zscores([1.0, 2.0, 6.0])
    assert (scores.mean(), scores.std()) == pytest.approx((0.0, 1.0))
    assert zscores([3.0, 3.0]).tolist() == [0.0, 0.0]
    assert zscores([]).tolist() == []


def test_hits_come_best_first_and_as_many_as_asked_for(retriever: Retriever):
    hits = retriever.retrieve("when should the chain be replaced", k=5)
    assert len(hits) == 5
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert hits[0].passage.article.id == "an-hour-for-the-bicycle.md"
    assert "chain" in hits[0].passage.text


def test_a_passage_found_by_words_alone_or_vectors_alone_gets_both_scores(retriever: Retriever):
    found = retriever.search("0.75 % wear", 50)
    for hit, cosine in zip(found.hits, found.cosines, strict=True):
        text = " ".join(hit.passage.text.split())
        [vector] = retriever.index.encoder.encode_passages([f"{hit.passage.article.title}. {text}"])
        assert cosine == pytest.approx(
            float(vector @ found.query), abs=2e-3
        )  # kept at half precision
    assert min(found.bm25) == 0.0 < max(found.bm25)


def test_scores_are_sums_of_two_zscores_over_all_candidates(retriever: Retriever):
    found = retriever.search("eelgrass", 1000)
    assert np.array([hit.score for hit in found.hits]) == pytest.approx(
        zscores(found.cosines) + zscores(found.bm25)
    )


def test_places_quoted_before_are_ranked_higher(retriever: Retriever):
    query = "When was the last meeting?"
    passage = retriever.search("eelgrass", 1).hits[0].passage
    assert passage not in [hit.passage for hit in retriever.retrieve(query, 10)]
    context = Context("", ((passage.article.id, Span(passage.start, passage.end), 5.0),))
    hits = retriever.search(query, 10, context=context).hits
    assert passage in [hit.passage for hit in hits]
    assert [hit.passage.article.id for hit in hits[:7]] == [passage.article.id] * 7
    # What the question finds alone is read all the same.
    assert {hit.passage.start for hit in retriever.retrieve(query, 3)} <= {
        hit.passage.start for hit in hits
    }
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_words_from_before_move_the_search_towards_them(retriever: Retriever):
    def rate_meadow(context: Context | None) -> float:
        hits = retriever.search("Who took the chair when it closed?", 100, context=context).hits
        return sum(
            hit.score for hit in hits if hit.passage.article.id == "the-meadow-under-ostrey-bay.md"
        )

    assert rate_meadow(Context("eelgrass, bay floor", ())) > rate_meadow(None) + 1.0


def test_words_in_arabic_find_the_arabic_article(retriever: Retriever):
    [hit] = retriever.retrieve("مكتبة الريحان", k=1)
    assert hit.passage.article.language == "ar"


def test_a_missing_index_names_the_command_to_run(tmp_path: Path):
    with pytest.raises(IndexMissing, match="run `qa build`"):
        Retriever.load(tmp_path / "nowhere")


def test_a_new_build_is_seen_by_the_next_question(tmp_path: Path, encoder: OnnxEncoder):
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "mill.txt").write_text("The mill grinds rye.")
    build(articles, tmp_path / "index", encoder=encoder)
    retriever = Retriever.load(tmp_path / "index", encoder=encoder)
    assert [hit.passage.article.id for hit in retriever.retrieve("foxes")] == ["mill.txt"]
    before = retriever.index
    (articles / "fox.txt").write_text("Foxes hunt mice at night.")
    (articles / "mill.txt").unlink()
    build(articles, tmp_path / "index", encoder=encoder)
    assert [hit.passage.article.id for hit in retriever.retrieve("foxes")] == ["fox.txt"]
    assert retriever.index.generation == before.generation + 1
    # What was opened before goes on answering from what it was opened on.
    assert before.get_article("mill.txt") is not None
    shutil.rmtree(tmp_path / "index")
