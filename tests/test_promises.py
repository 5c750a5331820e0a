"""The promises kept on real articles: every sentence, passage and quote stands in its article where
it says."""

import json
import random
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest

from qa.answer.answerer import Answerer
from qa.answer.retriever import Retriever
from qa.articles.passages import split_passages
from qa.articles.read import read_article
from qa.index.build import build
from qa.types import Article, Encoder
from tests.conftest import SAMPLES, SHARED

ARTICLES = 60
"""Articles of each set, drawn at random, that are split."""
CHARS = 400_000
"""Of each set, at most; one of them holds whole books."""
SETS = sorted(path.parent.name for path in (SHARED / "data").glob("*/articles.jsonl"))
"""The question sets that are here; they are not part of the project."""


def sample(data: Path, name: str, count: int = ARTICLES, chars: int = CHARS) -> list[Article]:
    rows = [
        json.loads(line)
        for line in (data / name / "articles.jsonl").read_text(encoding="utf-8").split("\n")
        if line
    ]
    drawn = random.Random(17).sample(rows, min(count, len(rows)))
    articles = []
    for row in drawn:
        if chars > 0 and row["text"].strip():
            articles.append(
                Article(row["id"], row["title"] or row["id"], row["text"][:chars], "0" * 64)
            )
            chars -= len(row["text"])
    return articles


def test_passages_and_sentences_tile_the_sample_articles(encoder):
    check_tiling([read_article(path, SAMPLES) for path in sorted(SAMPLES.iterdir())], encoder)


@pytest.mark.parametrize("name", SETS or ["the question sets"])
def test_passages_and_sentences_tile_real_articles(data, encoder, name):
    check_tiling(sample(data, name), encoder)


def check_tiling(articles: Iterable[Article], encoder: Encoder) -> None:
    for article in articles:
        passages = split_passages(article, encoder.count_tokens)
        sentences = [sentence for passage in passages for sentence in passage.sentences]
        assert sentences, article.id
        edges = [
            article.body_start,
            *(edge for passage in passages for edge in (passage.start, passage.end)),
            len(article.text),
        ]
        assert edges == sorted(edges)
        for before, after in zip(edges[::2], edges[1::2], strict=True):
            assert not article.text[before:after].strip()
        for passage in passages:
            assert passage.start <= passage.sentences[0].start
            assert passage.sentences[-1].end <= passage.end
        for sentence in sentences:
            words = article.text[sentence.start : sentence.end]
            assert words
            assert words == words.strip()
        for one, next_one in pairwise(sentences):
            assert one.end <= next_one.start
            assert one.paragraph <= next_one.paragraph <= one.paragraph + 1
            # Only what is no word stands between: list markers, rules, "#".
            between = article.text[one.end : next_one.start]
            assert not any(char.isalpha() for char in between) or "```" in between, between


@pytest.mark.parametrize("name", ["coqa", "selqa", "xquad"])
def test_every_quote_is_found_in_its_article(data, encoder, tmp_path, name):
    folder = tmp_path / "articles"
    folder.mkdir()
    texts = {}
    for number, article in enumerate(sample(data, name, count=8, chars=15_000)):
        texts[f"{number}.txt"] = article.text
        (folder / f"{number}.txt").write_text(article.text, encoding="utf-8", newline="")
    build(folder, tmp_path / "index", encoder=encoder)
    answerer = Answerer(Retriever.load(tmp_path / "index", encoder=encoder))
    questions = (data / name / "questions.jsonl").read_text(encoding="utf-8").split("\n")[:10]
    seen = 0
    for question in questions:
        answer = answerer.answer(json.loads(question)["question"])
        for quote in answer.quotes + answer.nearest:
            text = texts[quote.article.id]
            assert quote.article.text == text
            assert quote.text == text[quote.start : quote.end] != ""
            assert (
                quote.prefix + quote.text + quote.suffix
                == text[max(0, quote.start - 32) : quote.end + 32]
            )
            seen += 1
    assert seen >= 10
