"""A conversation (answers as JSON, oldest first) -> files to save, with verifiable quotes."""

from collections.abc import Sequence
from typing import Any

from qa.render.annotations import annotate
from qa.render.data import AnswerJson
from qa.render.markdown import answer_json_to_markdown, escape_markdown

FORMAT = "article-qa conversation 1"


def conversation_to_json(answers: Sequence[AnswerJson], *, saved: str) -> dict[str, Any]:
    """A conversation as a JSON value: every answer as it was given, and every quote as a Web
    Annotation too.
    """
    annotations = [
        annotate(quote, answer["question"]) for answer in answers for quote in answer["quotes"]
    ]
    return {"format": FORMAT, "saved": saved, "answers": list(answers), "annotations": annotations}


def conversation_to_markdown(answers: Sequence[AnswerJson], *, saved: str) -> str:
    """A conversation as Markdown: each question a heading, each answer its quotes with their
    provenance.
    """
    parts = [
        f"# Questions and quotes\n\nSaved {saved}. Every quote is word for word from its article.\n"
    ]
    for answer in answers:
        question = escape_markdown(" ".join(answer["question"].split()))
        parts.append(f"## {question}\n\n{answer_json_to_markdown(answer, provenance=True)}")
    return "\n".join(parts)
