"""Bad files of every kind, drawn by a seed: what a download folder, a broken disk or a joker puts
among articles."""

import os
import random
from collections.abc import Callable
from pathlib import Path

Maker = Callable[[Path, random.Random], None]
"""Makes one file at a path."""


def _random_bytes(path: Path, draw: random.Random) -> None:
    path.write_bytes(draw.randbytes(draw.randrange(1, 5000)))


def _broken_utf8(path: Path, draw: random.Random) -> None:
    text = "Öfter hörte man später über Bücher. ".encode() * 20
    cut = draw.randrange(1, len(text))
    path.write_bytes(text[:cut] + b"\xff\xfe\xc3" + text[cut:])


def _nul(path: Path, draw: random.Random) -> None:
    path.write_bytes(b"\x00" * draw.randrange(1, 3000))


def _empty(path: Path, draw: random.Random) -> None:
    path.write_bytes(b" \n\t" * draw.randrange(0, 3))


def _blank_lines(path: Path, draw: random.Random) -> None:
    path.write_bytes(b"\n" * 100_000)


def _one_huge_line(path: Path, draw: random.Random) -> None:
    path.write_bytes(b"x" * 20_000_000)


def _bidi(path: Path, draw: random.Random) -> None:
    path.write_text("\u202e\u2066\u2069\u200f" * draw.randrange(1, 200), encoding="utf-8")


def _bad_front_matter(path: Path, draw: random.Random) -> None:
    path.write_text("---\ntitle: [unclosed\nauthor: {a: b\n---\nWords.\n")


def _no_article(path: Path, draw: random.Random) -> None:
    path.with_suffix(draw.choice([".exe", ".jpg", ".pickle", ""])).write_bytes(draw.randbytes(100))


def _link_out(path: Path, draw: random.Random) -> None:
    path.symlink_to("/etc/passwd")


def _link_to_folder(path: Path, draw: random.Random) -> None:
    path.symlink_to("/etc", target_is_directory=True)


def _dangling_link(path: Path, draw: random.Random) -> None:
    path.symlink_to("nowhere.txt")


def _link_to_itself(path: Path, draw: random.Random) -> None:
    path.symlink_to(path.name)


def _fifo(path: Path, draw: random.Random) -> None:
    os.mkfifo(path)


def _bad_name(path: Path, draw: random.Random) -> None:
    sign = draw.choice([b"\n", b"\x1b[31m", b"\xff", b"\r", b"\x07"])
    name = os.fsencode(path.stem) + sign + b".txt"
    (path.parent / os.fsdecode(name)).write_text("Words in a file of a bad name.\n")


RARE: tuple[Maker, ...] = (_one_huge_line, _blank_lines)
COMMON: tuple[Maker, ...] = (
    _random_bytes,
    _broken_utf8,
    _nul,
    _empty,
    _bidi,
    _bad_front_matter,
    _no_article,
    _link_out,
    _link_to_folder,
    _dangling_link,
    _link_to_itself,
    _fifo,
    _bad_name,
)


def write_bad_files(folder: Path, count: int, seed: int) -> None:
    """So many bad files, in a few subfolders; each rare kind once."""
    draw = random.Random(seed)
    for number in range(count):
        parent = folder / f"part-{number % 7}"
        parent.mkdir(parents=True, exist_ok=True)
        make = RARE[number] if number < len(RARE) else COMMON[number % len(COMMON)]
        make(parent / f"bad-{number:04}.txt", draw)
