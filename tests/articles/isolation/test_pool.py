import json
import re
import time

import pytest

from qa.articles.formats import (
    BY_NAME,
    FORMATS,
    FormatError,
    PasswordNeeded,
    detect_format,
    is_misnamed,
)
from qa.articles.isolation import pool, worker
from qa.articles.isolation.pool import WorkerPool, draw_isolated, read_isolated
from tests.articles.formats.hostile import WORDS, hostile_files
from tests.articles.formats.made import (
    column,
    make_docx,
    make_epub,
    make_locked_pdf,
    make_odt,
    make_pdf,
    word_paragraph,
)

PDF = make_pdf([column(["Ducks swim on lakes."])])
GOOD = {
    "a.pdf": ("PDF", PDF),
    "a.html": ("web page", f"<!doctype html><html><body>{WORDS * 5}".encode()),
    "a.docx": ("Word", make_docx(word_paragraph("Ducks swim."))),
    "a.odt": ("OpenDocument", make_odt("<text:p>Ducks swim.</text:p>")),
    "a.epub": ("EPUB", make_epub({"one.xhtml": WORDS})),
    "a.eml": ("mail", b"From: a@example.org\nSubject: Ducks\n\nDucks swim.\n"),
    "a.mbox": (
        "mailbox",
        b"From a@b Sat Mar  9 10:00:00 2024\nFrom: a@b\nSubject: Ducks\n\nDucks swim.\n",
    ),
    "a.rtf": ("RTF", rb"{\rtf1\ansi Ducks swim.\par}"),
    "a.rss": (
        "feed",
        b"<rss><channel><item><title>Ducks</title><description>Ducks "
        b"swim.</description></item></channel></rss>",
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_format_is_known_by_what_is_in_the_file_and_read_in_a_worker(name):
    form, data = GOOD[name]
    assert detect_format(data, name) is BY_NAME[form]
    contents = read_isolated(BY_NAME[form], data)
    assert "Ducks swim" in contents.text
    blocks = [contents.text[block.start : block.end] for block in contents.blocks]
    assert "".join("".join(blocks).split()) == "".join(contents.text.split())
    assert [block for block in blocks if not block.strip()] == []


def test_a_wrong_name_is_noticed():
    assert detect_format(PDF, "a.docx").name == "PDF"
    assert is_misnamed(BY_NAME["PDF"], "a.docx")
    assert not is_misnamed(None, "a.md")
    assert detect_format(b"<html> in Markdown", "a.md") is None
    for data, name, reason in (
        (b"\x89PNG....", "a.pdf", "picture"),
        (b"just words", "a.pdf", "named .pdf, but holds something else"),
        (b"just words", "a.xyz", "not a kind of article"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.doc", "old Office"),
    ):
        with pytest.raises(FormatError, match=reason):
            detect_format(data, name)


def test_readers_say_their_version_and_the_librarys():
    for form in FORMATS:
        assert form.reader_version.startswith(
            f"{re.split('[.:]', form.reader)[0]} {form.version}, {form.library} "
        )


def test_many_files_share_one_worker_and_it_stays_small():
    mine = WorkerPool(size=1)
    for _ in range(30):
        mine.run({"task": "read", "format": "PDF", "options": {}}, PDF)
    assert mine.started == 1
    assert mine._idle[0].peak < 80 * 2**20
    mine.close()


def test_a_page_is_drawn_with_the_boxes_of_its_lines():
    contents = read_isolated(BY_NAME["PDF"], PDF)
    (found,) = contents.layout.find_characters(0, 5)
    picture, sizes = draw_isolated(PDF, page=0, width=595, ranges=[(found.first, found.chars)])
    assert picture.startswith(b"\x89PNG")
    assert (sizes["pages"], sizes["width"], sizes["height"]) == (1, 595, 842)
    (left, top, right, bottom) = sizes["boxes"][0]
    assert left * 595 == pytest.approx(72, abs=2)
    assert top * 842 < 842 - 740 < bottom * 842 + 3
    assert 20 < (right - left) * 595 < 40


def test_a_worker_may_neither_write_nor_connect(monkeypatch, tmp_path):
    mine = WorkerPool(size=1)
    monkeypatch.setattr(
        pool, "_START", "import sys, json; sys.path[:] = json.loads(sys.argv[1])\n" + _PROBE
    )
    _, body = mine.run({"task": "probe", "path": str(tmp_path / "made")}, b"")
    mine.close()
    assert body.decode().split() == ["Forbidden"] * 4
    assert not list(tmp_path.iterdir())


_PROBE = """
import json, socket, subprocess
from {module} import _forbid, _limit_process, _send
source, target = sys.stdin.buffer, sys.stdout.buffer
_limit_process(); _forbid()
job = json.loads(source.readline())
said = []
for probe in (lambda: open(job["path"], "w"), lambda: open("/etc/passwd"),
              lambda: socket.create_connection(("127.0.0.1", 9)), lambda: subprocess.run(["true"])):
    try:
        probe(); said.append("allowed")
    except Exception as error:
        said.append(type(error).__name__)
_send(target, {{}}, " ".join(said).encode())
"""


def test_a_file_that_ends_its_worker_costs_itself_alone(monkeypatch):
    mine = WorkerPool(size=1, seconds=1.0)
    monkeypatch.setattr(pool, "_START", "import time; time.sleep(60)")
    started = time.monotonic()
    with pytest.raises(FormatError, match="took more than"):
        mine.run({"task": "read", "format": "PDF", "options": {}}, PDF)
    assert time.monotonic() - started < 10
    monkeypatch.undo()
    mine.seconds = 60.0
    head, _ = mine.run({"task": "read", "format": "PDF", "options": {}}, PDF)
    assert head["size"] > 0
    mine.close()


def test_thirty_hostile_files_are_each_named_and_none_exceeds_its_limits():
    """Each is refused with a reason, or read within the limits; after all of them a good file is
    read as ever.
    """
    outcome = {}
    for name, data in hostile_files():
        started = time.monotonic()
        try:
            form = detect_format(data, name)
            outcome[name] = f"read: {len(read_isolated(form, data).text)}" if form else "plain text"
        except FormatError as error:
            outcome[name] = str(error)
        assert time.monotonic() - started < worker.CPU_SECONDS * 3, name
    assert len(outcome) >= 30
    assert "" not in outcome.values()
    refused = {name for name, reason in outcome.items() if not reason.startswith("read")}
    assert {
        "bomb.docx",
        "laughs.docx",
        "external.docx",
        "members.docx",
        "truncated.docx",
        "encrypted.docx",
        "words.eml",
        "header.eml",
        "truncated.pdf",
        "lying.pdf",
        "lying.docx",
        "groups.rtf",
        "many.rss",
        "laughs.rss",
    } <= refused
    assert "root:" not in "".join(outcome.values())
    assert read_isolated(BY_NAME["PDF"], PDF).text == "Ducks swim on lakes."


def test_a_password_is_asked_for_and_opens_the_file():
    locked = make_locked_pdf("Ducks swim.", "pond")
    with pytest.raises(PasswordNeeded, match="is encrypted: give its password"):
        read_isolated(BY_NAME["PDF"], locked)
    with pytest.raises(PasswordNeeded, match="does not open it"):
        read_isolated(BY_NAME["PDF"], locked, password="lake")
    assert read_isolated(BY_NAME["PDF"], locked, password="pond").text == "Ducks swim."


def test_a_file_that_takes_the_processor_too_long_is_ended_for_that():
    mine = WorkerPool(size=1)
    page = b"<html>" + b"<div>a " * 990_000 + WORDS.encode()
    job = {"task": "read", "format": "web page", "options": {}, "seconds": 1}
    try:
        with pytest.raises(FormatError, match="more than 1 s of the processor"):
            mine.run(job, page)
    finally:
        mine.close()


def test_a_worker_that_was_left_in_the_middle_is_not_used_again(monkeypatch):
    mine = WorkerPool(size=1)
    job = {"task": "read", "format": "PDF", "options": {}}
    mine.run(job, PDF)
    with monkeypatch.context() as patch:
        patch.setattr(pool.json, "loads", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            mine.run(job, PDF)
    other = make_pdf([column(["Geese fly."])])
    assert json.loads(mine.run(job, other)[1])["text"] == "Geese fly."
    assert mine.started == 2
    mine.close()


def _interrupt(*_):
    raise KeyboardInterrupt
