"""A question and its hits -> a notice if all articles found are in other languages."""

import re
from collections.abc import Sequence

from qa.articles.read import detect_language
from qa.types import Hit

LEAST_WORDS = 3
"""The language of fewer words cannot be detected."""
_NAMES = {
    "ar": "Arabic",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "nl": "Dutch",
    "pt": "Portuguese",
    "ru": "Russian",
    "tr": "Turkish",
    "zh": "Chinese",
}
"""The languages that can be distinguished in a text as short as a question."""
_ENGLISH = re.compile(
    r"^(?:who|whom|whose|what|when|where|which|why|how|is|are|was|were|do|does|did|can|could|has"
    r"|have|had|in|on|at|by|for|to)\b|\b(?:the|of|did|does|was|were)\b",
    re.IGNORECASE,
)
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def compare_languages(question: str, hits: Sequence[Hit]) -> str:
    """A notice if the question is in another language than all articles found; otherwise empty."""
    asked = _detect_language(question)
    found = {hit.passage.article.language for hit in hits}
    if asked is None or not found or None in found or asked in found:
        return ""
    names = sorted(_NAMES.get(language or "", language or "") for language in found)
    return (
        f"The question is in {_NAMES[asked]}, the articles found are in {' and '.join(names)}: "
        "asked in their language, they may answer better."
    )


def _detect_language(question: str) -> str | None:
    """ISO 639-1 code, or None where it is not clear or not among those named above."""
    if _ENGLISH.search(question):
        return "en"
    if len(question.split()) < LEAST_WORDS and not _UNSPACED.search(question):
        return None
    code = detect_language(question)
    return code if code in _NAMES else None
