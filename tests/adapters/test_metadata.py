import subprocess
import sys

import pytest

from qa.adapters.metadata import describe, identify
from qa.types import Article, Quote, Span
from tests.conftest import ROOT

QUOTE = Quote(
    Article("a.txt", "Rain", "It rained. It shone.", "0" * 64, author="Ann"),
    *(11, 20, 1, 0.5),
    answer=Span(14, 19),
)


def test_metadata_is_flat_and_names_places_in_the_article():
    assert describe(QUOTE) == {
        **{"id": "a.txt", "title": "Rain", "author": "Ann", "date": None, "url": None},
        **{"language": None, "sha256": "0" * 64, "start": 11, "end": 20, "paragraph": 1},
        **{"prefix": "It rained. ", "suffix": "", "score": 0.5},
        **{"answer_start": 14, "answer_end": 19},
    }
    assert identify(describe(QUOTE)) == "a.txt#char=11,20"


@pytest.mark.parametrize(
    ("module", "library", "extra"),
    [
        ("langchain", "langchain_core", "langchain"),
        ("llama_index", "llama_index", "llama-index"),
        ("haystack", "haystack", "haystack"),
    ],
)
def test_a_library_that_is_not_installed_is_named_with_its_extra(
    module: str, library: str, extra: str
):
    program = (
        f"import sys; sys.modules[{library!r}] = None\n"
        f"from qa import ExtraMissing\n"
        f"try: import qa.adapters.{module}\n"
        f"except ExtraMissing as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    expected = f"{extra} is not installed: run `pip install 'article-qa[{extra}]'`\n"
    assert done.stdout == expected
