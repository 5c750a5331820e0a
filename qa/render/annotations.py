"""Quotes -> W3C Web Annotations (https://www.w3.org/TR/annotation-model/) for other tools.

Text positions count Unicode code points, as `str` does.
"""

from typing import Any
from urllib.parse import quote as percent_encode

from qa.render.data import QuoteJson, answer_to_json
from qa.types import Answer

CONTEXT = ["http://www.w3.org/ns/anno.jsonld", {"sha256": "urn:article-qa:sha256"}]


def answer_to_annotations(answer: Answer) -> dict[str, Any]:
    """An answer's quotes as an annotation collection with one page."""
    items = [annotate(quote, answer.question) for quote in answer_to_json(answer)["quotes"]]
    return {
        "@context": CONTEXT,
        "type": "AnnotationCollection",
        "label": answer.question,
        "total": len(items),
        "first": {"type": "AnnotationPage", "items": items},
    }


def annotate(quote: QuoteJson, question: str) -> dict[str, Any]:
    """One quote, as the highlight of what answers a question."""
    article = quote["article"]
    selectors: list[dict[str, Any]] = [
        {
            "type": "TextQuoteSelector",
            "exact": quote["text"],
            "prefix": quote["prefix"],
            "suffix": quote["suffix"],
        },
        {"type": "TextPositionSelector", "start": quote["start"], "end": quote["end"]},
    ]
    if quote["answer"]:
        inner = {
            "start": quote["answer"]["start"] - quote["start"],
            "end": quote["answer"]["end"] - quote["start"],
        }
        # A refinement counts from the beginning of what it refines.
        selectors[1]["refinedBy"] = {"type": "TextPositionSelector", **inner}
    place = quote.get("place", {})
    if "page" in place:
        # In the original, whose fragments RFC 8118 defines; the others are of its text.
        selectors.append(
            {
                "type": "FragmentSelector",
                "conformsTo": "http://tools.ietf.org/rfc/rfc3778",
                "value": f"page={place['page']}",
            }
        )
    elif "anchor" in place:
        selectors.append(
            {
                "type": "FragmentSelector",
                "conformsTo": "http://tools.ietf.org/rfc/rfc3236",
                "value": place["anchor"],
            }
        )
    return {
        "@context": CONTEXT,
        "type": "Annotation",
        "motivation": "highlighting",
        "body": {
            "type": "TextualBody",
            "value": question,
            "purpose": "questioning",
            "format": "text/plain",
        },
        "target": {
            "source": {
                "id": article["url"] or f"urn:article:{percent_encode(article['id'])}",
                "type": "Text",
                "format": "text/plain",
                "sha256": article["sha256"],
            },
            "selector": selectors,
        },
    }
