"""The page's words in other languages."""

import ast
import json
import re
from pathlib import Path

import pytest

from qa.page.source_panel import CHANGED
from qa.page.words import LANGUAGES, choose_language, read_tables, speaking_to
from qa.render.words import say
from tests.conftest import ROOT

PLACES = re.compile(r"\{\w+\}")


def read_python(path: Path) -> set[str]:
    calls = ast.walk(ast.parse(path.read_text("utf-8")))
    return {
        node.args[0].value
        for node in calls
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "say"
        and isinstance(node.args[0], ast.Constant)
    }


def read_script(path: Path) -> set[str]:
    found = re.findall(r'\bsay\(\s*"((?:[^"\\]|\\.)*)"', path.read_text("utf-8"))
    return {json.loads(f'"{words}"') for words in found}


def test_all_that_the_page_says_is_in_the_table():
    said = {CHANGED, "Copied", "Not copied"}
    for room in ("render", "page"):
        said |= {
            words for path in (ROOT / "qa" / room).rglob("*.py") for words in read_python(path)
        }
    said |= {words for path in (ROOT / "qa/page/js").rglob("*.js") for words in read_script(path)}
    assert len(said) > 150
    for language in LANGUAGES:
        assert said - set(read_tables()[language]) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_fills_in_what_the_english_does(language: str):
    for words, translated in read_tables()[language].items():
        assert sorted(PLACES.findall(words)) == sorted(PLACES.findall(translated)), words
        assert translated.strip()
        assert not set('<>"&`$') & set(translated), words


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,fr;q=0.8", "en"),
        ("it,fr;q=0.3,es;q=0.7", "es"),
        ("ar", "ar"),
        ("zh-CN", "en"),
        ("", "en"),
        ("*;q=x,,;;", "en"),
    ],
)
def test_the_language_is_the_first_that_is_spoken(accepted: str, language: str):
    assert choose_language(accepted) == language


def test_a_request_is_spoken_to_in_its_language_and_no_other_is():
    with speaking_to({"accept-language": "es"}):
        assert say("Copy") == "Copiar"
        assert say("{count} articles", count=3) == "3 artículos"
    assert say("Copy") == "Copy"
