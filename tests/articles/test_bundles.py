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


def test_a_file_that_cannot_be_written_costs_itself_alone(folder: Path, tmp_path: Path):
    long = "橋" * 90 + ".txt"
    path = make_zip(
        tmp_path / "names.zip",
        {long: b"One.", "f.txt": b"Two.", "f.txt/g.txt": b"Three.", "later.txt": b"Four."},
    )
    added, errors = add_files(folder, [path])
    assert [name for name in added if "橋" not in name] == ["names/f.txt", "names/later.txt"]
    assert len(added) == 3 and max(len(name.encode()) for name in added) < 200
    assert ["a file has that name" in str(error) for error in errors] == [True]
    other = make_zip(tmp_path / "names2.zip", {"f.txt/g.txt": b"One.", "f.txt": b"Two."})
    assert add_files(folder, [other]) == (["names2/f.txt/g.txt", "names2/f-2.txt"], [])


@pytest.mark.parametrize("damage", ["name", "version", "method", "nothing"])
def test_no_archive_gives_a_traceback(folder: Path, tmp_path: Path, damage: str):
    path = make_zip(tmp_path / "odd.zip", {"één.txt": b"Words " * 50, "b.txt": b"Others."})
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02")
    if damage == "name":
        at = data.index("één".encode(), central)
        data[at : at + 2] = b"\xff\xff"
    elif damage == "version":
        data[central + 6] = 99
    elif damage == "method":
        data[central + 10] = data[data.index(b"PK\x03\x04") + 8] = 99
    path.write_bytes(data)
    added, errors = add_files(folder, [path])
    assert (len(added), len(errors)) == {
        "name": (0, 1),
        "version": (0, 1),
        "method": (1, 1),
        "nothing": (2, 0),
    }[damage]
    if damage == "method":
        assert "unpack it with another program" in str(errors[0])


def test_names_keep_the_marks_of_their_script(folder: Path, tmp_path: Path):
    (tmp_path / "in").mkdir()
    for name in ("e\u0301te\u0301.txt", "हिन्दी.txt"):
        (tmp_path / "in" / name).write_text(name)
    added, _ = add_files(folder, [tmp_path / "in"])
    assert added == ["in/été.txt", "in/हिन्दी.txt"]


def test_an_index_within_the_folder_is_no_article(folder: Path):
    (folder / "idx/removed").mkdir(parents=True)
    (folder / "idx/qa.sqlite").write_bytes(b"")
    (folder / "idx/removed/old.txt").write_text("Removed.")
    (folder / "a.txt").write_text("Words.")
    assert ids(folder) == ["a.txt"]


def test_what_qaignore_excludes_is_not_added_in_silence(folder: Path, tmp_path: Path):
    folder.mkdir()
    (folder / ".qaignore").write_text("draft*\n", encoding="utf-8-sig")
    (tmp_path / "draft1.txt").write_text("Words.")
    added, errors = add_files(folder, [tmp_path / "draft1.txt"])
    assert added == [] and ".qaignore: change that first" in str(errors[0])


def test_an_archive_in_the_articles_folder_is_unpacked_beside_itself(folder: Path):
    folder.mkdir()
    path = make_zip(folder / "pack.zip", {"a.txt": b"One."})
    assert add_files(folder, [path]) == (["pack/a.txt"], [])


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
    for line in ("!", "[z-a]"):
        (folder / ".qaignore").write_text(f"good\n{line}\n")
        with pytest.raises(QAError, match=r"line 2: .* is no pattern"):
            list(find_files(folder))
