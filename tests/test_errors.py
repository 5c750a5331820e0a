import re
from pathlib import Path

import qa.errors
from qa.errors import ArticleError, QAError


def test_every_error_descends_from_qa_error_and_is_in_the_drawing():
    classes = {
        c.__name__
        for c in vars(qa.errors).values()
        if isinstance(c, type) and issubclass(c, QAError)
    }
    drawn = set(re.findall(r"^    (?:[├└]── )?(\w+)", qa.errors.__doc__ or "", re.MULTILINE))
    assert classes == drawn
    assert len(classes) == 10


def test_an_article_error_names_its_file_and_the_remedy():
    error = ArticleError(Path("articles/a.txt"), "is empty: remove it")
    assert str(error) == "articles/a.txt: is empty: remove it"
    assert (error.path, error.reason, error.is_duplicate) == (
        Path("articles/a.txt"),
        "is empty: remove it",
        False,
    )


def test_a_file_name_cannot_forge_a_line_of_output():
    assert str(ArticleError(Path("a\nb.txt"), "is empty")) == "'a\\nb.txt': is empty"
    assert str(ArticleError(Path("a\x1b[2Jb.txt"), "is empty")) == "'a\\x1b[2Jb.txt': is empty"
