"""What the browser asks of the server to change the articles: add, remove, undo, build.

Each endpoint takes and returns one JSON text. A file comes through Gradio's own upload, and is
named here by where that put it.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qa.errors import ArticleError, ArticleLocked, QAError, SettingError
from qa.page.service import BuildState, Service

MAX_TEXT_CHARS = 2_000_000


def add(service: Service, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Add a file, a text or what is at an address: its id, or what is wrong and of which kind; of
    an archive, ids and errors.
    """
    try:
        if str(wanted.get("name", "")).lower().endswith(".zip"):
            return _add_archive(service, wanted)
        return {"id": _add(service, wanted)}
    except ArticleLocked as error:
        return {"error": str(error), "kind": "locked"}
    except ArticleError as error:
        return {"error": str(error), "kind": "duplicate" if error.same_as else "unusable"}


def _add(service: Service, wanted: Mapping[str, Any]) -> str:
    if address := wanted.get("address"):
        return service.add_address(str(address))
    if "text" in wanted:
        text = str(wanted["text"])
        if len(text) > MAX_TEXT_CHARS:
            raise QAError(
                f"the text has {len(text):,} characters: paste at most {MAX_TEXT_CHARS:,}, or add "
                "it as a file"
            )
        return service.add_text(str(wanted.get("title", "")), text)
    path = find_upload(str(wanted.get("path", "")))
    password = str(wanted["password"]) if wanted.get("password") else None
    try:
        return service.add_file(
            str(wanted.get("name") or path.name),
            path.read_bytes(),
            within=str(wanted.get("within", "")),
            password=password,
        )
    finally:
        path.unlink(missing_ok=True)


def _add_archive(service: Service, wanted: Mapping[str, Any]) -> dict[str, Any]:
    path = find_upload(str(wanted.get("path", "")))
    try:
        added, errors = service.add_archive(path)
    finally:
        path.unlink(missing_ok=True)
    return {"ids": added, "errors": [str(error) for error in errors]}


def find_upload(path: str) -> Path:
    """A file that was uploaded, and no other on this machine.

    Raises:
        SettingError: it is none.
    """
    folder = Path(os.environ.get("GRADIO_TEMP_DIR", "/nonexistent")).resolve()
    try:
        found = Path(path).resolve()
        is_upload = found.is_relative_to(folder) and found.is_file()
    except (OSError, ValueError, RuntimeError):
        is_upload = False
    if not is_upload:
        raise SettingError("there is no such upload: add the file again")
    return found


def remove(service: Service, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Remove an article; the name to undo that by."""
    return {"name": service.remove(str(wanted.get("id", "")))}


def restore(service: Service, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Undo a removal."""
    return {"id": service.restore(str(wanted.get("name", "")), str(wanted.get("id", "")))}


def build(service: Service, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Start a build, stop it, or look how far it is."""
    what = wanted.get("do")
    if what == "start" and not service.building.is_running:
        service.start_build(password=wanted.get("password") or None)
        return {**tell_build(service.building), "started": True}
    if what == "stop":
        service.stop_build()
    return tell_build(service.building)


def tell_build(state: BuildState) -> dict[str, Any]:
    """How far a build is, and what it came to, as the browser takes it."""
    told: dict[str, Any] = {
        "running": state.is_running,
        "number": state.number,
        "what": state.what,
        "done": state.done,
        "total": state.total,
        "rate": round(state.rate, 1),
        "left": state.seconds_left,
        "error": state.error,
    }
    if state.report:
        report = state.report
        told |= {
            "added": len(report.added),
            "changed": len(report.changed),
            "removed": len(report.removed),
            "errors": [str(error) for error in report.errors],
            "warnings": [
                *(str(warning) for warning in report.warnings),
                *(f"{name}: has the same text as {kept}" for name, kept in report.folded),
            ],
        }
    return told


CHANGES: dict[str, Callable[[Service, Mapping[str, Any]], dict[str, Any]]] = {
    "page_add": add,
    "page_remove": remove,
    "page_restore": restore,
    "page_build": build,
}
"""Endpoint -> what it does."""
