"""The calls' signatures and docstrings -> descriptions and JSON Schema, and checked arguments.

A program may send anything; what reaches a call is of the kinds and within the bounds that its
signature states.
"""

import re
from collections.abc import Mapping
from inspect import Parameter, cleandoc, signature
from types import NoneType
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from qa.endpoints.calls import NAMES, Bounds, Endpoints
from qa.errors import SettingError
from qa.render.schema import make_schema_of

_TITLES = {
    "ask": "Ask the articles",
    "search": "Search passages",
    "list_articles": "List articles",
    "read_article": "Read an article",
}
_LIMITS = {"integer": ("minimum", "maximum"), "string": ("minLength", "maxLength")}
MAX_ITEM_CHARS = 1000


class ValueKind(NamedTuple):
    """What an argument has to be."""

    of: type
    """str, int, or list for a list of texts."""
    bounds: Bounds | None
    may_be_none: bool


class Call(NamedTuple):
    """One call, as it is told to whoever may make it."""

    name: str
    title: str
    description: str
    parameters: dict[str, Any]
    """JSON Schema of the arguments."""
    result: dict[str, Any]
    """JSON Schema of what comes."""


def describe_calls() -> list[Call]:
    """All there are."""
    return [_describe(name) for name in NAMES]


def check_arguments(name: str, arguments: Mapping[str, object]) -> dict[str, Any]:
    """The arguments of a call, each of its kind and within its bounds.

    Raises:
        SettingError: one is missing, unknown, of another kind or out of bounds.
    """
    parameters = _read_parameters(name)
    for given in arguments:
        if given not in parameters:
            raise SettingError(
                f"{name} has no argument {ascii(given)[:40]}: it has {', '.join(parameters)}"
            )
    for needed, (_, parameter) in parameters.items():
        if needed not in arguments and parameter.default is Parameter.empty:
            raise SettingError(f"{name} needs {needed}")
    return {given: _check(given, value, parameters[given][0]) for given, value in arguments.items()}


def _check(name: str, value: object, kind: ValueKind) -> object:
    if value is None and kind.may_be_none:
        return None
    if kind.of is list:
        if not isinstance(value, (list, tuple)):
            raise SettingError(f"{name} is {_show(value)}: give a list of texts")
        _check_bounds(f"{name} has {len(value)} items", len(value), kind.bounds)
        item = ValueKind(str, Bounds(0, MAX_ITEM_CHARS), may_be_none=False)
        return [_check(f"an item of {name}", part, item) for part in value]
    if kind.of is str:
        if not isinstance(value, str):
            raise SettingError(f"{name} is {_show(value)}: give a text")
        _check_bounds(f"{name} has {len(value)} characters", len(value), kind.bounds)
        return value.encode("utf-8", "replace").decode()  # half characters can be looked up nowhere
    is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if not is_whole or isinstance(value, bool):
        raise SettingError(f"{name} is {_show(value)}: give a whole number")
    number = int(value)  # type: ignore[call-overload]
    _check_bounds(f"{name} is {_show(number)}", number, kind.bounds)
    return number


def _check_bounds(what: str, size: int, bounds: Bounds | None) -> None:
    if bounds and not bounds.least <= size <= bounds.most:
        raise SettingError(f"{what}: choose {bounds.least} to {bounds.most}")


def _show(value: object) -> str:
    return ascii(value)[:40]


def _describe(name: str) -> Call:
    text, of_parameters = _read_docstring(getattr(Endpoints, name).__doc__)
    properties = {}
    for given, (kind, parameter) in _read_parameters(name).items():
        properties[given] = _describe_kind(kind) | {"description": of_parameters[given]}
        if parameter.default is not Parameter.empty:
            properties[given]["default"] = parameter.default
    needed = [given for given, schema in properties.items() if "default" not in schema]
    parameters = {
        "type": "object",
        "properties": properties,
        "required": needed,
        "additionalProperties": False,
    }
    returned = get_type_hints(getattr(Endpoints, name), include_extras=True)["return"]
    return Call(name, _TITLES[name], text, parameters, make_schema_of(returned))


def _describe_kind(kind: ValueKind) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": {str: "string", int: "integer", list: "array"}[kind.of]}
    if kind.of is list:
        schema["items"] = {"type": "string"}
    if kind.bounds:
        names = _LIMITS.get(schema["type"], ("minItems", "maxItems"))
        schema |= {name: n for name, n in zip(names, kind.bounds, strict=True) if n}
        if kind.of is int:
            schema["minimum"] = kind.bounds.least
    return {"anyOf": [schema, {"type": "null"}]} if kind.may_be_none else schema


def _read_parameters(name: str) -> dict[str, tuple[ValueKind, Parameter]]:
    function = getattr(Endpoints, name)
    hints = get_type_hints(function, include_extras=True)
    return {
        given: (_read_kind(hints[given]), parameter)
        for given, parameter in signature(function).parameters.items()
        if given != "self"
    }


def _read_kind(hint: Any) -> ValueKind:
    bounds = None
    if get_origin(hint) is Annotated:
        hint, bounds = get_args(hint)
    kinds = [part for part in get_args(hint) if part is not NoneType] or [hint]
    may_be_none = NoneType in get_args(hint)
    if get_origin(hint) is list:
        kinds = [hint]
    return ValueKind(get_origin(kinds[0]) or kinds[0], bounds, may_be_none)


def _read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """What comes before `Args:`, one line a paragraph, and what is said of each argument."""
    told, _, listed = cleandoc(text).partition("\nArgs:\n")
    paragraphs = [" ".join(part.split()) for part in told.strip().split("\n\n")]
    items = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", listed, re.M)
    return "\n\n".join(paragraphs), {name: " ".join(words.split()) for name, words in items}
