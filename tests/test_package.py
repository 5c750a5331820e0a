import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import qa

ROOT = Path(__file__).parents[1]
PUBLIC = {
    "Answer", "Answerer", "Article", "ArticleError", "Encoder", "EncoderUnavailable", "Hit",
    "Index", "IndexBusy", "IndexDamaged", "IndexMismatch", "IndexMissing", "Passage", "QAError",
    "Quote", "Reader", "ReaderUnavailable", "Retriever", "Sentence", "Span",
}  # fmt: skip
HEAVY = {
    "faiss",
    "gradio",
    "numpy",
    "onnxruntime",
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
