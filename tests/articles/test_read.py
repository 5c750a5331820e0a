import os
from hashlib import sha256
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.articles.read import (
    MAX_BYTES,
    detect_language,
    find_warning,
    load_file,
    parse_file,
    read_article,
)
from qa.articles.scan import find_files
from qa.errors import ArticleError
from tests.conftest import SAMPLES
from tests.strategies import ANY_TEXT

TEXT = "The bridge was closed in autumn. The committee met on Monday, and nobody came.\n"


@pytest.fixture
def write(tmp_path: Path):
    def write(content: str | bytes, name: str = "some-article.txt") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def reason(path: Path, folder: Path | None = None) -> str:
    with pytest.raises(ArticleError) as caught:
        read_article(path, folder)
    assert caught.value.path == path
    assert str(caught.value).endswith(caught.value.reason)
    return caught.value.reason


# -- the text --------------------------------------------------------------------------------------


@given(text=ANY_TEXT)
def test_any_text_is_kept_but_for_line_ends_marks_and_nuls(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(text.encode())
    kept = text.removeprefix("\ufeff").replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    try:
        article = read_article(path)
    except ArticleError as error:
        assert not any(char.isalnum() for char in kept) or "control characters" in error.reason
        return
    assert article.text == kept
    assert article.sha256 == sha256(kept.encode()).hexdigest()
    assert 0 <= article.body_start < len(kept)
    assert article.title.strip()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_unicode_encodings_and_line_ends_give_the_same_article(write, encoding, end):
    text = "The Café\n\nIt was “closed” – قال 😀.\n\nNobody came"
    article = read_article(write(text.replace("\n", end).encode(encoding)))
    assert article.text == text
    assert article.title == "The Café"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        (
            "cp1252",
            "He said “We will go.” It’s late – very late. The meeting was held in the old town "
            "hall.",
        ),
        (
            "latin-1",
            "L'été dernier, la bibliothèque a rouvert ses portes. Les élèves étaient heureux, dit "
            "le maire.",
        ),
        (
            "cp1252",
            "El año pasado la reunión terminó sin acuerdo. Según el señor Muñoz, mañana habrá más.",
        ),
        (
            "cp1252",
            "Die Brücke über den Fluss wurde für große Fahrzeuge gesperrt, sagte der "
            "Bürgermeister später.",
        ),
        (
            "cp1250",
            "Zażółć gęślą jaźń. Posiedzenie odbyło się w środę, a następne będzie później w "
            "październiku.",
        ),
        (
            "iso8859-2",
            "Zażółć gęślą jaźń. Posiedzenie odbyło się w środę, a następne będzie później w "
            "październiku.",
        ),
        (
            "cp1251",
            "Вчера комитет провёл заседание. Мост закрыт для движения до весны, сообщил инженер.",
        ),
        ("cp1253", "Η συνάντηση έγινε χθες στην Αθήνα. Οι ειδικοί συζήτησαν το νέο πρόγραμμα."),
        (
            "cp1256",
            "قال الوزير إن الاجتماع عقد في دمشق يوم الأحد. وحضره خبراء من عدة دول لمناقشة "
            "البرنامج.",
        ),
        ("shift_jis", "昨日、会議が東京で開かれた。参加者は新しい計画について話し合った。"),
        ("gb18030", "会议昨天在大马士革举行。专家们讨论了新的计划，但是没有达成协议。"),
    ],
)
def test_encodings_older_than_unicode_are_told_by_the_language_they_give(write, encoding, text):
    assert read_article(write(text.encode(encoding))).text == text


def test_a_text_without_a_final_line_end_and_one_with_many_are_kept(write):
    assert read_article(write("The end")).text == "The end"
    assert read_article(write("The end\n\n\n")).text == "The end\n\n\n"


def test_a_stray_control_character_does_not_make_a_text_binary(write):
    assert read_article(write(f"\0{TEXT}\f\x02")).text == f"{TEXT}\f\x02"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b" \r\n\t\n", "is empty"),
        (b"\xef\xbb\xbf", "holds no words"),
        (b"--- *** ---\n", "holds no words"),
        (b"PK\x03\x04\x14\x00\x00\x00" * 9, "is an archive"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff\xfe", "is a picture"),
        (TEXT.encode("utf-16-le"), "looks binary"),
        (b"\xff\xfeodd", "is not the utf-16 that its first bytes announce"),
        (
            b"Caf\xc3\xa9 and th\xc3\xa9,\nna\xc3\xafve fa\xc3\xa7ade, caf\xe9",
            "is UTF-8, but not in line 2",
        ),
        (b"---\ntitle: X\n---\n\n", "has front matter but no text below it"),
    ],
)
def test_what_cannot_be_read_as_text_says_why(write, content, expected):
    assert reason(write(content)).startswith(expected)


# -- what a text says of itself --------------------------------------------------------------------


def test_front_matter_states_what_is_known_and_is_no_part_of_the_body(write):
    front = (
        "---\n# a note\ntitle: No\nauthor: [Ann Ray, {name: Tom Lee}]\ndate: March 9, 2024\nlang: "
        "en-GB\n"
        "url: https://example.org/a\ntags:\n  - bridges\n---\n"
    )
    article = read_article(write(f"{front}\n# Another title\n\n{TEXT}", "a.md"))
    assert (article.title, article.author, article.date) == ("No", "Ann Ray, Tom Lee", "2024-03-09")
    assert (article.url, article.language, article.body_start) == (
        "https://example.org/a",
        "en",
        len(front),
    )
    assert article.text.startswith("---\n# a note")


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ("---\ntitle: 2024-01-05\n...\n", "2024-01-05"),
        ('---\n"title": 007\n---\n', "007"),
        ("---\ntitle: >\n  folded\n  title\n---\n", "folded title"),
        ("---\r\nTitle: Windows\r\n---\r\n", "Windows"),
        ("---\ntitle: !!python/object:os.system x\n---\n", "x"),
        ("---\ntitle: " + "long " * 100 + "\n---\n", "long " * 39 + "long…"),
    ],
)
def test_front_matter_is_taken_as_it_is_written(write, front, title):
    article = read_article(write(front + TEXT))
    assert article.title == title
    assert article.text[article.body_start :] == TEXT


@pytest.mark.parametrize(
    "front",
    [
        "---\n---\n",
        "---\ntitle: never closed\n\n",
        "---\nNote: this is prose between rules. It goes on\nhere.\n---\n",
        "---\n- title: of a list\n---\n",
        "---\nIt began with a rule: a thin one.\n---\n",
        "\n---\ntitle: not on top\n---\n",
    ],
)
def test_what_only_looks_like_front_matter_stays_text(write, front):
    assert read_article(write(front + TEXT)).body_start == 0


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("title: Iran: the next step", "in line 2 (mapping values are not allowed here)"),
        ("date: 2024\ntitle: [open", "in line 4 (expected ',' or ']', but got '<stream end>')"),
        ("title: *gone", "in line 2 (found undefined alias 'gone')"),
        ("title: a\n\tauthor: b", "in line 3 (found character '\\t' that cannot start any token)"),
        ("title: " + "[" * 5000, "(maximum recursion depth exceeded"),
    ],
)
def test_broken_front_matter_is_refused_with_its_line(write, front, expected):
    assert f"its front matter is not valid YAML {expected}" in reason(
        write(f"---\n{front}\n---\n{TEXT}")
    )


def test_aliases_in_front_matter_do_not_grow(write):
    levels = "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n"
        for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    )
    article = read_article(write(f"---\na: &a [x]\n{levels}title: *j\n---\n{TEXT}"))
    assert article.title == "Some article"


@pytest.mark.parametrize(
    ("name", "title", "day"),
    [
        ("the-damascus_meeting.txt", "The damascus meeting", None),
        ("The Damascus-Meeting.TXT", "The Damascus-Meeting", None),
        ("2024-03-09-the-bridge.md", "The bridge", "2024-03-09"),
        ("2024-03-09.md", "2024 03 09", "2024-03-09"),
        ("2024-13-09 the bridge.md", "The bridge", None),
        ("---.txt", "---.txt", None),
        ("اجتماع.txt", "اجتماع", None),
    ],
)
def test_a_text_without_a_title_is_named_after_its_file(write, name, title, day):
    article = read_article(write(TEXT, name))
    assert (article.id, article.title, article.date) == (name, title, day)


def test_the_sample_articles_say_what_they_are():
    found = {path.name: read_article(path, SAMPLES) for path in find_files(SAMPLES)}
    assert {name: (a.title, a.author, a.date, a.language) for name, a in found.items()} == {
        "an-hour-for-the-bicycle.md": (
            "An Hour for the Bicycle",
            "Miriam Lockhart",
            "2024-03-09",
            "en",
        ),
        "hallowmere-bridge-minutes-1931.txt": (
            "Minutes of the Bridge Committee, Hallowmere, 1931",
            "Arthur J. Pell",
            None,
            "en",
        ),
        "maktabat-al-rayhan.txt": (
            "مكتبة الريحان تفتح أبوابها من جديد",
            "سلمى الداودي",
            None,
            "ar",
        ),
        "the-damascus-meeting.txt": ("The Damascus meeting", "Helen Marsh", None, "en"),
        "the-meadow-under-ostrey-bay.md": (
            "The Meadow under Ostrey Bay",
            "Jonas P. Whitlock",
            "2024-10-17",
            "en",
        ),
    }


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The bridge was closed in the autumn."),
        ("de", "Die Brücke wurde im Herbst gesperrt."),
        ("fr", "Le pont a été fermé en automne."),
        ("es", "El puente se cerró en otoño de ese año."),
        ("ar", "أُغلق الجسر في الخريف."),
        ("zh", "这座桥在秋天关闭了。"),
        ("ru", "Мост был закрыт осенью."),
        (None, "1931 😀 — 42"),
    ],
)
def test_the_language_of_a_sentence_is_told(language, text):
    assert detect_language(text) == language


# -- the folder ------------------------------------------------------------------------------------


def test_files_are_found_in_order_without_hidden_ones_and_backups(write, tmp_path):
    for name in [
        "b.txt",
        "a/z.md",
        "a.txt",
        ".hidden.txt",
        ".git/x.txt",
        "b.txt~",
        "é.txt",
        "notes.pdf",
    ]:
        write(TEXT, name)
    found = [path.relative_to(tmp_path).as_posix() for path in find_files(tmp_path)]
    assert found == ["a.txt", "a/z.md", "b.txt", "notes.pdf", "é.txt"]


def test_an_article_in_a_folder_below_has_its_path_as_id(write, tmp_path):
    path = write(TEXT, "1931/minutes.txt")
    assert read_article(path, tmp_path).id == "1931/minutes.txt"


def test_a_file_of_another_kind_is_refused(write):
    assert reason(write(TEXT, "notes.xlsx")).startswith(
        "not a kind of article that can be read (.txt, .md, .pdf, "
    )


def test_a_file_that_is_too_large_is_refused_without_being_read(write):
    path = write(TEXT)
    os.truncate(path, 20 * 2**20)
    assert reason(path) == "is too large (20 MiB, at most 16 MiB): split it"


def test_a_large_file_is_read(write):
    text = TEXT * (MAX_BYTES // len(TEXT))
    assert len(read_article(write(text)).text) == len(text)


@pytest.mark.parametrize(
    "name", ["two\nlines.txt", "bell\a.txt", "two\u2028lines.txt", "bad\udcff.txt"]
)
def test_a_name_that_would_forge_lines_is_refused(write, name):
    path = write(TEXT, name)
    assert reason(path).startswith("its name has a line break")
    with pytest.raises(ArticleError) as caught:
        read_article(path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["no\xa0break.txt", "می‌خواهم.txt", "👩‍👧.txt"])
def test_names_with_spaces_and_joiners_of_all_kinds_are_fine(write, name):
    assert read_article(write(TEXT, name)).id == name


def test_links_are_followed_within_the_folder_only(write, tmp_path):
    inside = write(TEXT, "articles/a.txt")
    outside = write(TEXT, "outside.txt")
    folder = inside.parent
    (folder / "b.txt").symlink_to("a.txt")
    (folder / "c.txt").symlink_to(outside)
    (folder / "d.txt").symlink_to("d.txt")
    (folder / "e.txt").symlink_to("gone.txt")
    (folder / "f").symlink_to(tmp_path)
    assert [path.name for path in find_files(folder)] == [
        "a.txt",
        "b.txt",
        "c.txt",
        "d.txt",
        "e.txt",
        "f",
    ]
    assert read_article(folder / "b.txt", folder).text == TEXT
    assert reason(folder / "c.txt", folder).startswith("is a link out of the articles folder")
    assert reason(folder / "d.txt", folder).startswith("cannot be read")
    assert reason(folder / "e.txt", folder).startswith("cannot be read (No such file or directory)")
    assert reason(folder / "f", folder).startswith("is a link to a folder")


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    assert reason(tmp_path / "pipe.txt") == "is not a regular file: remove it"


def test_a_folder_that_cannot_be_listed_is_an_error_and_not_an_empty_one(tmp_path):
    with pytest.raises(ArticleError, match="cannot be listed"):
        list(find_files(tmp_path / "gone"))


def test_loading_says_what_bytes_a_file_has(write):
    file = load_file(path := write(TEXT), path.parent)
    assert (file.data, file.sha256) == (TEXT.encode(), sha256(TEXT.encode()).hexdigest())


@given(st.binary(max_size=200))
def test_any_bytes_give_an_article_or_an_article_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "bytes.txt"
    path.write_bytes(data)
    try:
        article = read_article(path)
    except ArticleError:
        return
    assert any(char.isalnum() for char in article.text)


@pytest.mark.parametrize("encoding", ["cp1252", "koi8-r"])
def test_an_encoding_that_was_guessed_is_told(tmp_path: Path, encoding: str):
    french = "Les élèves ont été là, où l'été dernier déjà le maître était allé."
    text = (
        french if encoding == "cp1252" else "Это были русские слова, и их было много в этой книге."
    )
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    assert "was read as" in (warn_of(tmp_path / "a.txt") or "")
    (tmp_path / "a.txt").write_text(text)
    assert warn_of(tmp_path / "a.txt") is None


def test_what_front_matter_states_has_bounds(tmp_path: Path):
    path = tmp_path / "a.md"
    path.write_text(f"---\ntitle: x\ndate: {'1' * 50_000}\nauthor: {'A' * 9000}\n---\nWords.\n")
    article = read_article(path)
    assert (article.date, len(article.author or "")) == (None, 500)
    many = "".join(f"key{n}: value number {n}\n" for n in range(60_000))
    path.write_text(f"---\ntitle: x\n{many}---\nWords.\n")
    started = process_time()
    assert read_article(path).body_start == 0
    assert process_time() - started < 3


def warn_of(path):
    file = load_file(path, path.parent)
    return find_warning(file, parse_file(file))
