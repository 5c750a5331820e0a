"""Adding and removing articles by their files; `place_file` and `move_out` are tested with the
page."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qa.articles.folder import add_files, move_out, place_file
from qa.errors import DiskError, QAError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "articles").mkdir()
    return tmp_path / "articles"


def test_files_are_copied_in_and_a_taken_name_gets_a_number(folder: Path, tmp_path: Path):
    (folder / "a.txt").write_text("The old words.")
    (tmp_path / "a.txt").write_text("Other words.")
    assert add_files(folder, [tmp_path / "a.txt"]) == (["a-2.txt"], [])
    assert (folder / "a.txt").read_text() == "The old words."
    assert (folder / "a-2.txt").read_text() == "Other words."
    added, errors = add_files(folder, [tmp_path / "a.txt"])
    assert (added, [str(error).split(": ")[1] for error in errors]) == (
        [],
        ["is among the articles already, as a-2.txt"],
    )


def test_files_of_one_name_that_come_at_once_are_all_kept(folder: Path):
    texts = [f"The words of number {n}." for n in range(40)]
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda text: place_file(folder, "a.txt", text.encode()), texts))
    assert [(folder / name).read_text() for name in ids] == texts
    assert sorted(ids) == sorted(path.name for path in folder.iterdir())


def test_a_link_to_nowhere_keeps_its_name(folder: Path):
    (folder / "a.txt").symlink_to("nowhere.txt")
    assert place_file(folder, "a.txt", b"The words.") == "a-2.txt"
    assert (folder / "a.txt").is_symlink()


def test_a_disk_without_links_gets_files_too(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert place_file(folder, "a.txt", b"The words.") == "a.txt"
    assert [path.name for path in folder.iterdir()] == ["a.txt"]
    assert (folder / "a.txt").read_text() == "The words."


def test_the_thousandth_file_of_a_name_replaces_no_other(folder: Path):
    taken = ["a.txt", *(f"a-{number}.txt" for number in range(2, 1001))]
    for number, name in enumerate(taken):
        (folder / name).write_text(f"Words of file {number}.")
    assert place_file(folder, "a.txt", b"Other words.") == "a-1001.txt"
    assert {path.name for path in folder.iterdir()} == {*taken, "a-1001.txt"}
    assert (folder / "a-1000.txt").read_text() == "Words of file 999."


def test_what_cannot_be_read_is_named_and_the_rest_is_added(folder: Path, tmp_path: Path):
    (tmp_path / "good.md").write_text("Words.")
    (tmp_path / "empty.md").write_text("")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "more").mkdir()
    paths = [tmp_path / name for name in ("good.md", "empty.md", "picture.png", "more")]
    added, errors = add_files(folder, paths)
    assert added == ["good.md"]
    assert [error.path for error in errors] == paths[1:]
    assert sorted(path.name for path in folder.iterdir()) == ["good.md"]


def test_a_file_in_the_folder_stays_where_it_is(folder: Path):
    (folder / "sub").mkdir()
    (folder / "sub/a.txt").write_text("Words.")
    assert add_files(folder, [folder / "sub/a.txt"]) == (["sub/a.txt"], [])
    assert [path.name for path in folder.rglob("*.txt")] == ["a.txt"]


def test_a_link_is_added_as_the_file_that_it_leads_to(folder: Path, tmp_path: Path):
    (tmp_path / "real.txt").write_text("Words.")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    assert add_files(folder, [tmp_path / "link.txt"]) == (["link.txt"], [])
    assert not (folder / "link.txt").is_symlink()


NO_IDS = [
    "../secret.txt",
    "none.txt",
    "/etc/passwd",
    "",
    ".",
    "../articles/a.txt",
    "./a.txt",
    "a.txt/",
    "b//a.txt",
]
NO_IDS += ["a\0.txt", "x" * 5000, "loop.txt"]


@pytest.mark.parametrize("article_id", NO_IDS)
def test_no_id_leads_out_of_the_folder(folder: Path, tmp_path: Path, article_id: str):
    (tmp_path / "secret.txt").write_text("Secret.")
    (folder / "a.txt").write_text("Words.")
    (folder / "loop.txt").symlink_to("loop.txt")
    with pytest.raises(QAError, match="there is no article"):
        move_out(folder, article_id, tmp_path / "removed")
    assert (folder / "a.txt").exists()


def test_no_absolute_path_is_an_id(folder: Path, tmp_path: Path):
    (folder / "a.txt").write_text("Words.")
    with pytest.raises(QAError, match="there is no article"):
        move_out(folder, str(folder / "a.txt"), tmp_path / "removed")
    assert move_out(folder, "a.txt", tmp_path / "removed") == tmp_path / "removed/a.txt"


def test_a_removed_file_takes_the_place_of_none(folder: Path, tmp_path: Path):
    for words in ("One.", "Two.", "Three."):
        (folder / "a.txt").write_text(words)
        move_out(folder, "a.txt", tmp_path / "removed")
    assert {p.name: p.read_text() for p in (tmp_path / "removed").iterdir()} == (
        {"a.txt": "One.", "a-2.txt": "Two.", "a-3.txt": "Three."}
    )


def test_a_place_that_cannot_be_written_is_told(folder: Path, tmp_path: Path):
    (folder / "a.txt").write_text("Words.")
    (tmp_path / "removed").write_text("A file where a folder should be.")
    with pytest.raises(DiskError, match="removed"):
        move_out(folder, "a.txt", tmp_path / "removed")
    assert (folder / "a.txt").exists()
