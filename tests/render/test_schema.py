import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pytest
from jsonschema import Draft202012Validator, ValidationError

from qa import Answerer, Retriever, answer_to_json
from qa.answer import answerer as module
from qa.encoder.onnx import OnnxEncoder
from qa.render import hits_to_json, make_schema
from qa.render.schema import VERSION, _describe
from tests.conftest import ROOT

PUBLISHED = ROOT / "tests/data/schemas.json"
"""As first published under the first number of today's version."""


@pytest.fixture(scope="module")
def answerer(sample_index: Path, encoder: OnnxEncoder) -> Answerer:
    return Answerer(Retriever.load(sample_index, encoder=encoder))


@pytest.mark.parametrize("of", ["answer", "search"])
def test_the_schema_is_one_and_says_its_version(of: Any):
    schema = make_schema(of)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:article-qa:{of}:{VERSION}"


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("What was the meeting about?", "answered"),
        ("What is the boiling point of tungsten?", "off_topic"),
        ("Which articles do you have?", "no_question"),
        ("Summarise The Damascus meeting", "no_question"),
    ],
)
def test_answers_of_every_kind_are_as_it_says(answerer: Answerer, question: str, status: str):
    value: Any = answer_to_json(answerer.answer(question))
    assert value["status"] == status
    validator = Draft202012Validator(make_schema())
    validator.validate(value)
    for name in make_schema()["$defs"]["Answer"]["required"]:
        with pytest.raises(ValidationError, match=f"'{name}' is a required property"):
            validator.validate({key: part for key, part in value.items() if key != name})
    with pytest.raises(ValidationError, match="unexpected"):
        validator.validate({**value, "unexpected": 1})


def test_every_answer_that_tests_make_is_checked(answerer: Answerer, schema_checks: list[str]):
    before = len(schema_checks)
    answer = answerer.answer("What was the meeting about?")
    [*_, _] = answerer.answer_many(["Thanks", "Where was it?"])
    assert sorted(schema_checks[before:]) == sorted([answer.question, "Thanks", "Where was it?"])
    with pytest.raises(pytest.fail.Exception, match="outside the schema: 'perhaps' is not one of"):
        module.report_answer(replace(answer, status="perhaps"))  # type: ignore[arg-type]


def test_passages_are_as_it_says(answerer: Answerer):
    hits = answerer.retriever.retrieve("meeting")
    Draft202012Validator(make_schema("search")).validate(hits_to_json("meeting", hits))


@pytest.mark.parametrize("of", ["answer", "search"])
def test_what_was_published_under_this_first_number_is_there_as_it_was(of: Any):
    """A field that went, or became something else, needs another first number in `VERSION`, and
    what `python -m tests.render.test_schema` writes.
    """
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert published["version"].partition(".")[0] == VERSION.partition(".")[0]
    now = make_schema(of)["$defs"]
    for name, definition in published[of].items():
        assert set(definition["required"]) <= set(now[name]["required"])
        for field, kind in definition["properties"].items():
            assert now[name]["properties"][field] == kind, f"{name}.{field}"


def test_each_kind_of_field_has_a_schema_and_what_has_none_is_told():
    class Inner(TypedDict):
        """Words."""

        word: NotRequired[str | None]

    definitions: dict[str, Any] = {}
    assert _describe(dict[str, list[Inner]], definitions) == {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"$ref": "#/$defs/Inner"}},
    }
    assert definitions["Inner"]["properties"] == {
        "word": {"anyOf": [{"type": "string"}, {"type": "null"}]}
    }
    with pytest.raises(TypeError, match="no place in the schema"):
        _describe(bytes, definitions)


if __name__ == "__main__":
    schemas: dict[str, Any] = {
        "answer": make_schema("answer")["$defs"],
        "search": make_schema("search")["$defs"],
    }
    text = json.dumps({"version": VERSION, **schemas}, indent=1)
    PUBLISHED.write_text(text + "\n", encoding="utf-8")
