"""Folders and zip archives: every file under its path there, and nothing that harms."""

import io
import zipfile
from pathlib import Path

import pytest

from qa.articles.bundles import BundledFile, open_folder, open_zip
from qa.articles.folder import add_files
from qa.articles.scan import find_files
from qa.errors import ArticleError, QAError


def make_zip(path: Path, files: dict[str, bytes], **options: int) -> Path:
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def ids(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_files(folder)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "articles"


def test_a_folder_keeps_its_order_below_the_articles(folder: Path, tmp_path: Path):
    (tmp_path / "reports/2024").mkdir(parents=True)
    (tmp_path / "reports/2024/a.md").write_text("One.")
    (tmp_path / "reports/a.md").write_text("Two.")
    (tmp_path / "reports/.hidden.md").write_text("Hidden.")
    (tmp_path / "reports/photo.jpg").write_bytes(b"\xff\xd8")
    added, errors = add_files(folder, [tmp_path / "reports"])
    assert added == ids(folder) == ["reports/2024/a.md", "reports/a.md"]
    assert [error.path.name for error in errors] == ["photo.jpg"]


def test_adding_a_folder_again_adds_only_what_is_new(folder: Path, tmp_path: Path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/a.md").write_text("One.")
    add_files(folder, [tmp_path / "reports"])
    (tmp_path / "reports/b.md").write_text("Two.")
    assert add_files(folder, [tmp_path / "reports"]) == (["reports/a.md", "reports/b.md"], [])
    assert ids(folder) == ["reports/a.md", "reports/b.md"]


def test_the_articles_folder_is_not_added_to_itself(folder: Path):
    folder.mkdir()
    (folder / "a.md").write_text("One.")
    for path in (folder, folder.parent):
        added, errors = add_files(folder, [path])
        assert added == [] and "`qa build` indexes what lies there" in str(errors[0])


def test_an_archive_is_unpacked_under_its_name(folder: Path, tmp_path: Path):
    path = make_zip(
        tmp_path / "press.zip",
        {
            "a.txt": b"One.",
            "sub/Überblick.txt": b"Two.",
            "../../evil.txt": b"Three.",
            "/abs.txt": b"Four.",
            "__MACOSX/._a.txt": b"junk",
            ".DS_Store": b"junk",
            "inner.zip": b"PK",
            "tool.exe": b"MZ",
        },
    )
    added, errors = add_files(folder, [path])
    assert sorted(added) == ids(folder)
    assert ids(folder) == [
        "press/a.txt",
        "press/abs.txt",
        "press/evil.txt",
        "press/sub/Überblick.txt",
    ]
    assert sorted(error.path.name for error in errors) == ["inner.zip", "tool.exe"]
    assert not (tmp_path / "evil.txt").exists()


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("протокол заседания совета.txt", "cp866"), ("報告書の要約.txt", "utf-8")],
)
def test_names_of_old_archives_are_read_as_they_were_meant(
    tmp_path: Path, name: str, encoding: str
):
    ascii_name = "x" * len(name.encode(encoding))
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(ascii_name, b"Words.")
    path = tmp_path / "old.zip"
    path.write_bytes(data.getvalue().replace(ascii_name.encode(), name.encode(encoding)))
    assert list(open_zip(path)) == [BundledFile(name, b"Words.")]


def test_a_bomb_is_refused_by_what_it_unpacks_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qa.articles.bundles.MAX_FORMATTED_BYTES", 2**20)
    path = make_zip(tmp_path / "b.zip", {"bomb.txt": b"\0" * 2**22, "good.txt": b"Words."})
    bomb, good = open_zip(path)
    assert isinstance(bomb, ArticleError) and "larger than 1 MiB" in str(bomb)
    assert good == BundledFile("good.txt", b"Words.")
    monkeypatch.setattr("qa.articles.bundles.MAX_UNPACKED_BYTES", 2**19)
    many = make_zip(tmp_path / "m.zip", {f"{n}.txt": b"\0" * 2**18 for n in range(4)})
    with pytest.raises(ArticleError, match="unpacks to more"):
        list(open_zip(many))


def test_what_is_no_archive_is_said(folder: Path, tmp_path: Path):
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04 and nothing more")
    _, errors = add_files(folder, [tmp_path / "no.zip"])
    assert "is no whole zip archive" in str(errors[0])


def test_damaged_members_cost_themselves_alone(tmp_path: Path):
    path = make_zip(tmp_path / "d.zip", {"a.txt": b"Words " * 500, "b.txt": b"Other words."})
    data = bytearray(path.read_bytes())
    data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    bad, good = open_zip(path)
    assert isinstance(bad, ArticleError) and "cannot be unpacked" in str(bad)
    assert good == BundledFile("b.txt", b"Other words.")


def test_what_qaignore_names_is_no_article(folder: Path):
    for name in ("a.md", "a.draft.md", "drafts/b.md", "sub/drafts/c.md", "sub/keep.draft.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("Words.")
    (folder / ".qaignore").write_text("# not yet\n/drafts/\n*.draft.md\n!keep.draft.md\n")
    assert ids(folder) == ["a.md", "sub/drafts/c.md", "sub/keep.draft.md"]
    assert [file.name for file in open_folder(folder) if isinstance(file, BundledFile)] == (
        ids(folder)
    )


def test_a_line_of_qaignore_that_is_no_pattern_is_named(folder: Path):
    folder.mkdir()
    (folder / ".qaignore").write_text("good\n!\n")
    with pytest.raises(QAError, match=r"line 2: '!' is no pattern"):
        list(find_files(folder))
