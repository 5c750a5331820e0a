"""What the browser asks for to change the articles."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from qa.articles.web.fetch import Fetched, Fetcher
from qa.errors import ArticleError, QAError, SettingError
from qa.index.build import BuildReport
from qa.page.adding import MAX_TEXT_CHARS, add, build, find_upload, remove, restore, tell_build
from qa.page.service import BuildState, Service
from tests.articles.formats.made import make_locked_pdf


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    (tmp_path / "articles").mkdir()
    (tmp_path / "uploads").mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return Service(tmp_path / "articles", tmp_path / "index", may_fetch=True)


def upload(service: Service, name: str, data: bytes) -> str:
    path = service.articles_folder.parent / "uploads" / name
    path.write_bytes(data)
    return str(path)


def test_a_file_is_taken_from_the_uploads_and_leaves_nothing_there(service: Service):
    path = upload(service, "x1.txt", b"Bees like clover.")
    assert add(service, {"path": path, "name": "bees.txt"}) == {"id": "bees.txt"}
    assert (service.articles_folder / "bees.txt").read_bytes() == b"Bees like clover."
    assert not Path(path).exists()
    again = upload(service, "x1.txt", b"Bees like clover.")
    told = add(service, {"path": again, "name": "bees.txt"})
    assert told["kind"] == "duplicate"
    assert "is among the articles already" in told["error"]


@pytest.mark.parametrize("path", ["/etc/passwd", "", "..", "uploads/../../secret", "\0"])
def test_no_other_file_of_this_machine_is_an_upload(service: Service, path: str):
    with pytest.raises(SettingError, match="no such upload"):
        find_upload(path)


def test_a_link_out_of_the_uploads_is_none(service: Service, tmp_path: Path):
    (tmp_path / "secret.txt").write_text("secret")
    link = tmp_path / "uploads" / "link.txt"
    link.symlink_to(tmp_path / "secret.txt")
    with pytest.raises(SettingError, match="no such upload"):
        find_upload(str(link))


def test_a_locked_pdf_asks_for_its_password_and_is_added_with_it(service: Service):
    data = make_locked_pdf("Bees like clover.", "honey")
    told = add(service, {"path": upload(service, "b.pdf", data), "name": "b.pdf"})
    assert told["kind"] == "locked"
    given = {"path": upload(service, "b.pdf", data), "name": "b.pdf", "password": "honey"}
    assert add(service, given) == {"id": "b.pdf"}


def test_what_is_at_an_address_is_added_where_that_is_allowed(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    def fetch(self: Fetcher, url: str, **known: object) -> Fetched:
        return Fetched(
            url, url, b"Bees like clover.", {"content-type": "text/plain"}, "2026-01-01T00:00:00Z"
        )

    monkeypatch.setattr(Fetcher, "fetch", fetch)
    assert add(service, {"address": "https://example.org/bees"}) == {"id": "bees.txt"}
    closed = Service(service.articles_folder, service.index_folder)
    with pytest.raises(QAError, match="start it with --fetch"):
        add(closed, {"address": "https://example.org/bees"})


def test_a_text_too_long_is_refused(service: Service):
    with pytest.raises(QAError, match=r"2,000,001 characters: paste at most 2,000,000"):
        add(service, {"title": "a", "text": "x" * (MAX_TEXT_CHARS + 1)})


def test_a_removal_is_undone(service: Service):
    (service.articles_folder / "deep").mkdir()
    (service.articles_folder / "deep/a.txt").write_text("One.")
    told = remove(service, {"id": "deep/a.txt"})
    assert not (service.articles_folder / "deep/a.txt").exists()
    assert "/" not in told["name"].removeprefix("deep/")
    assert restore(service, {**told, "id": "deep/a.txt"}) == {"id": "deep/a.txt"}
    assert (service.articles_folder / "deep/a.txt").read_text() == "One."


@pytest.mark.parametrize("article_id", ["../a.txt", "/tmp/a.txt", "", "deep/../../a.txt"])
def test_nothing_is_put_back_elsewhere(service: Service, article_id: str):
    (service.articles_folder / "a.txt").write_text("One.")
    told = remove(service, {"id": "a.txt"})
    with pytest.raises(QAError, match="is no article"):
        restore(service, {**told, "id": article_id})


def test_what_has_its_place_again_is_not_written_over(service: Service):
    (service.articles_folder / "a.txt").write_text("One.")
    told = remove(service, {"id": "a.txt"})
    (service.articles_folder / "a.txt").write_text("Two.")
    with pytest.raises(ArticleError, match="is there again"):
        restore(service, {**told, "id": "a.txt"})
    assert (service.articles_folder / "a.txt").read_text() == "Two."


def test_a_build_is_told_with_rate_and_time_left(service: Service, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qa.page.service.monotonic", lambda: 10.0)
    service.building = BuildState(
        is_running=True, done=300, total=900, what="encoding", started=0.0, number=4
    )
    told = build(service, {"do": "start"})
    assert (told["running"], told["rate"], told["left"], told["number"]) == (True, 30.0, 20.0, 4)
    assert "started" not in told


def test_what_is_in_an_archive_is_added_and_what_is_no_article_is_named(service: Service):
    held = BytesIO()
    with ZipFile(held, "w") as archive:
        archive.writestr("old/bees.txt", "Bees like clover.")
        archive.writestr("broken.txt", b"\x00\x01" * 99)
    path = upload(service, "papers.zip", held.getvalue())
    told = add(service, {"path": path, "name": "papers.zip"})
    assert "papers/old/bees.txt" in told["ids"]
    assert not Path(path).exists()


def test_a_file_with_the_text_of_another_is_told():
    report = BuildReport(1, added=("bees.txt",), folded=(("copy.txt", "bees.txt"),))
    told = tell_build(BuildState(report=report))
    assert told["warnings"] == ["copy.txt: has the same text as bees.txt"]
