"""The TypedDicts of `qa.render.data` -> JSON Schema (draft 2020-12), for other programs.

The version's first number changes when something is removed or changes its meaning, the second when
something is added.
"""

import types
from collections.abc import Mapping
from typing import (
    Any,
    Literal,
    NotRequired,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from qa.render.data import AnswerJson, SearchJson

VERSION = "1.2"
SchemaOf: TypeAlias = Literal["answer", "search"]
_ROOTS: Mapping[SchemaOf, Any] = {"answer": AnswerJson, "search": SearchJson}
_PLAIN = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def make_schema(of: SchemaOf = "answer") -> dict[str, Any]:
    """The schema of what `qa ask --json` or `qa search --json` prints."""
    definitions: dict[str, Any] = {}
    root = _describe(_ROOTS[of], definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:article-qa:{of}:{VERSION}",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def make_schema_of(kind: Any) -> dict[str, Any]:
    """The schema of a TypedDict by itself, an object at its root as some programs demand."""
    definitions: dict[str, Any] = {}
    return {**_describe_fields(kind, definitions), "$defs": dict(sorted(definitions.items()))}


def _describe(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type; those of TypedDicts become definitions."""
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if is_typeddict(kind):
        name = kind.__name__.removesuffix("Json")
        if name not in definitions:
            definitions[name] = {}  # so that one that holds itself ends
            definitions[name] = _describe_fields(kind, definitions)
        return {"$ref": f"#/$defs/{name}"}
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(parts)}
    if origin is NotRequired:
        return _describe(parts[0], definitions)
    if origin is list:
        return {"type": "array", "items": _describe(parts[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _describe(parts[1], definitions)}
    if origin in (types.UnionType, Union):
        return {"anyOf": [_describe(part, definitions) for part in parts]}
    raise TypeError(f"{kind!r} has no place in the schema: say how in {__name__}")


def _describe_fields(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {
        "description": " ".join((kind.__doc__ or "").split()),
        "type": "object",
        "properties": {name: _describe(hint, definitions) for name, hint in hints.items()},
        "required": sorted(kind.__required_keys__),
        "additionalProperties": False,
    }
