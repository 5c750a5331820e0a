import re
import socket
from pathlib import Path

import pytest

import qa
import qa.errors
from qa import Answerer, Retriever, build, verify
from qa.encoder.onnx import OnnxEncoder
from qa.errors import (
    ArticleError,
    ArticlesMissing,
    DataSetError,
    PortTaken,
    QAError,
    QuestionError,
    SavedError,
    SettingError,
)
from qa.evaluation.data_sets import write_articles
from qa.page.launch import check_port
from tests.conftest import ROOT


def test_every_error_is_in_the_drawing_under_its_base_and_is_a_public_name():
    classes = [
        c for c in vars(qa.errors).values() if isinstance(c, type) and issubclass(c, QAError)
    ]
    drawn = re.findall(r"^    (│   )?(?:[├└]── )?(\w+)", qa.errors.__doc__ or "", re.MULTILINE)
    bases, above = {}, "QAError"
    for inner, name in drawn:
        bases[name] = above if inner else "QAError"
        above = above if inner else name
    assert {c.__name__: c.__base__.__name__ for c in classes} == {**bases, "QAError": "Exception"}
    assert len(classes) == len(drawn) == 20
    assert {c.__name__ for c in classes} <= set(qa.__all__)


def test_no_other_module_has_an_error_of_its_own_that_leaves_the_package():
    named = {
        (path.name, found)
        for path in (ROOT / "qa").rglob("*.py")
        for found in re.findall(
            r"^class (\w+)\(\w*(?:Error|Exception|Missing|Needed)\)", path.read_text("utf-8"), re.M
        )
        if path.name != "errors.py"
    }
    # Of readers of formats; `qa.articles.read` turns them into an ArticleError.
    assert named == {
        ("contents.py", "FormatError"),
        ("contents.py", "PasswordNeeded"),
        ("worker.py", "Forbidden"),
    }


def test_an_article_error_names_its_file_and_the_remedy():
    error = ArticleError(Path("articles/a.txt"), "is empty: remove it")
    assert str(error) == "articles/a.txt: is empty: remove it"
    assert (error.path, error.reason, error.same_as) == (
        Path("articles/a.txt"),
        "is empty: remove it",
        None,
    )


def test_a_file_name_cannot_forge_a_line_of_output():
    assert str(ArticleError(Path("a\nb.txt"), "is empty")) == "'a\\nb.txt': is empty"
    assert str(ArticleError(Path("a\x1b[2Jb.txt"), "is empty")) == "'a\\x1b[2Jb.txt': is empty"


def test_each_mistake_of_a_caller_has_an_error_of_its_own_that_says_what_to_do(
    sample_index: Path, tmp_path: Path, encoder: OnnxEncoder
):
    retriever = Retriever.load(sample_index, encoder=encoder)
    with pytest.raises(QuestionError, match=r"has no words: ask something like"):
        Answerer(retriever, reader=None).answer("?!")
    with pytest.raises(QuestionError, match=r"is no text: ask in words"):
        retriever.retrieve(3)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match=r"threshold is 2: it is a probability"):
        Answerer(retriever, reader=None, threshold=2)
    with pytest.raises(SettingError, match=r"k is 0: ask for at least 1"):
        retriever.retrieve("bridge", 0)
    with pytest.raises(ArticlesMissing, match=r"there is no folder .*: make it"):
        build(tmp_path / "none", tmp_path / "index")
    with pytest.raises(DataSetError, match=r"articles\.jsonl cannot be read"):
        write_articles(tmp_path, tmp_path)
    (tmp_path / "saved.json").write_text('{"who": "knows"}')
    with pytest.raises(SavedError, match=r"saved\.json does not hold answers as `qa ask --json`"):
        verify(tmp_path / "saved.json", sample_index)


def test_a_port_that_is_taken_is_named_with_the_way_out():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} .*: stop what uses it, or choose"):
            check_port("127.0.0.1", port)
