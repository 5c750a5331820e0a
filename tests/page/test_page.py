"""What the page does, without a browser; what a person sees is tested in `tests/browser`."""

from pathlib import Path
from threading import Event
from time import sleep

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from qa.articles.folder import move_out, place_file, place_text
from qa.articles.read import read_article
from qa.articles.scan import find_files
from qa.encoder.onnx import OnnxEncoder
from qa.errors import ArticleError, QAError
from qa.index.build import build
from qa.page import html
from qa.page.examples import suggest_questions
from qa.page.middleware.guard import HEADERS, LOGIN_FAILURES, MAX_BODY, Guard
from qa.page.service import BuildState, Service
from qa.types import Article
from tests.conftest import SAMPLES

# -- adding and removing ---------------------------------------------------------------------------


def test_an_added_file_is_kept_byte_for_byte(tmp_path: Path):
    data = b"\xef\xbb\xbfA title\r\n\r\nSome words.\r\n"
    assert place_file(tmp_path, "../../etc/My article.TXT", data) == "My article.txt"
    assert (tmp_path / "My article.txt").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["My article.txt"]


def test_another_file_of_the_same_name_gets_a_number(tmp_path: Path):
    assert [place_file(tmp_path, "a.md", data) for data in (b"One.", b"Two.", b"Three.")] == [
        "a.md",
        "a-2.md",
        "a-3.md",
    ]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.txt", b"  ", "is empty"),
        ("song.mp3", b"words", "not a kind of article"),
        ("binary.txt", b"\x00\x01" * 50, "looks binary"),
        ("copy.txt", b"Here already.", "is among the articles already, as copy.txt"),
    ],
)
def test_a_file_that_is_no_article_is_named_and_left_out(
    tmp_path: Path, name: str, data: bytes, reason: str
):
    (tmp_path / "copy.txt").write_bytes(b"Here already.")
    with pytest.raises(ArticleError, match=f"^{name}: .*{reason}"):
        place_file(tmp_path, name, data)
    assert [path.name for path in tmp_path.iterdir()] == ["copy.txt"]


def test_pasted_text_becomes_a_file_with_its_title_above(tmp_path: Path):
    name = place_text(tmp_path, " The  Lamp of Varn ", "It was lit in 1851.\n\nIt burns still.")
    article = read_article(tmp_path / name, tmp_path)
    assert (name, article.title) == ("the-lamp-of-varn.txt", "The Lamp of Varn")
    assert article.text == "The Lamp of Varn\n\nIt was lit in 1851.\n\nIt burns still."


def test_a_removed_file_is_kept_elsewhere(tmp_path: Path):
    articles, removed = tmp_path / "articles", tmp_path / "removed"
    for _ in range(2):
        place_file(articles, "a.txt", b"One.")
        move_out(articles, "a.txt", removed)
    assert sorted(path.name for path in removed.iterdir()) == ["a-2.txt", "a.txt"]
    assert list(articles.iterdir()) == []


@pytest.mark.parametrize("article_id", ["../secret.txt", "/etc/passwd", "none.txt", "", "."])
def test_only_articles_can_be_removed(tmp_path: Path, article_id: str):
    (tmp_path / "articles").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    with pytest.raises(QAError, match="there is no article"):
        move_out(tmp_path / "articles", article_id, tmp_path / "removed")
    assert (tmp_path / "secret.txt").is_file()


# -- the service -----------------------------------------------------------------------------------


@pytest.fixture
def service(tmp_path: Path, encoder: OnnxEncoder) -> Service:
    articles = tmp_path / "articles"
    for name in ("the-damascus-meeting.txt", "an-hour-for-the-bicycle.md"):
        place_file(articles, name, (SAMPLES / name).read_bytes())
    build(articles, tmp_path / "index", encoder=encoder)
    return Service(articles, tmp_path / "index")


def wait_for_build(service: Service) -> BuildState:
    for _ in range(600):
        if not service.building.is_running:
            return service.building
        sleep(0.05)
    raise AssertionError("the build does not end")


def test_an_added_article_is_answered_from_and_a_removed_one_is_not(service: Service):
    question = "When was the lighthouse of Varn built?"
    assert service.ask(question).status != "answered"
    service.add_text(
        "The lighthouse of Varn", "The lighthouse of Varn was built in 1851 by Tomas Reyl."
    )
    service.start_build()
    report = wait_for_build(service).report
    assert report is not None
    assert report.added == ("the-lighthouse-of-varn.txt",)
    assert (
        service.ask(question).quotes[0].text
        == "The lighthouse of Varn was built in 1851 by Tomas Reyl."
    )
    assert [article.title for article in service.list_articles()][2] == "The lighthouse of Varn"
    service.remove("the-lighthouse-of-varn.txt")
    service.start_build()
    wait_for_build(service)
    assert service.ask(question).status != "answered"


def test_a_stopped_build_leaves_the_index_as_it_was(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    before, reached, go_on = service.build_id, Event(), Event()

    def slow_build(*args, progress, **options):
        reached.set()
        go_on.wait(10)
        return build(*args, progress=progress, **options)

    monkeypatch.setattr("qa.page.service.build_index", slow_build)
    service.add_text("Varn", "The lighthouse of Varn was built in 1851.")
    service.start_build()
    assert reached.wait(10)
    with pytest.raises(QAError, match="is being built already"):
        service.start_build()
    assert service.ask("What was the meeting about?").quotes
    service.stop_build()
    go_on.set()
    state = wait_for_build(service)
    assert state.error is not None
    assert state.error.startswith("stopped; the index is as it was")
    assert service.build_id == before


def test_examples_of_an_article_are_answered_from_it_and_none_is_given_twice(service: Service):
    article = "the-damascus-meeting.txt"
    found = service.suggest([article, "an-hour-for-the-bicycle.md", "none.txt"])
    assert "Where did the meeting take place?" in found
    answer = service.ask("Where did the meeting take place?")
    assert answer.quotes[0].article.id == article
    left = service.suggest([article], but=["where did the meeting take place?"])
    assert "Where did the meeting take place?" not in left


def test_other_processes_builds_are_seen(service: Service, encoder: OnnxEncoder):
    version = service.version
    (service.articles_folder / "new.txt").write_text("A new one\n\nIt speaks of lamps.")
    build(service.articles_folder, service.index_folder, encoder=encoder)
    assert service.version != version
    assert "new.txt" in [article.id for article in service.list_articles()]
    assert service.get_article("new.txt") is not None


def test_a_read_only_service_changes_nothing(service: Service):
    closed = Service(service.articles_folder, service.index_folder, read_only=True)
    for change in (
        lambda: closed.add_text("a", "b"),
        lambda: closed.add_file("a.txt", b"b"),
        lambda: closed.add_address("https://example.org/"),
        lambda: closed.restore("a.txt", "a.txt"),
        lambda: closed.remove("the-damascus-meeting.txt"),
        closed.start_build,
    ):
        with pytest.raises(QAError, match="read-only"):
            change()
    assert closed.ask("What was the meeting about?").quotes


def test_example_questions_are_answered_by_the_index(service: Service):
    while (examples := service.examples) is None:
        sleep(0.05)
    assert examples
    assert {service.ask(question).status for question in examples} == {"answered"}


@pytest.mark.parametrize("question", ["?", "", "x" * 1001])
def test_a_question_that_cannot_be_asked_is_refused(service: Service, question: str):
    with pytest.raises(QAError, match="the question has"):
        service.ask(question)


def test_questions_are_read_off_sentences():
    articles = [read_article(path, SAMPLES) for path in find_files(SAMPLES)]
    questions = suggest_questions(articles, most=24)
    assert {
        "Where did the meeting take place?",
        "When was the new pier finished?",
        "متى شُيّد المبنى؟",
    } <= set(questions)


def test_questions_read_off_sentences_are_grammatical():
    text = "The hive was opened on 3 May 1990. The pier opened in 1901."
    assert set(suggest_questions([Article("a.txt", "A", text, "0")], most=9)) == {
        "When was the hive opened?",
        "When did the pier open?",
    }


# -- panels ----------------------------------------------------------------------------------------


def test_the_list_finds_articles_by_all_words():
    articles = [
        Article(f"{n}.txt", title, "x", "0", author="Ann")
        for n, title in enumerate(["A <b>", "B c", "b C d"])
    ]
    found = html.article_list(articles, "C b", read_only=False)
    assert "2 of 3 articles" in found
    assert found.count("qa-remove") == 2
    assert "A &#60;b&#62;" in html.article_list(articles, read_only=True)
    assert "qa-remove" not in html.article_list(articles, read_only=True)


def test_a_long_list_is_cut_and_says_so():
    articles = [Article(f"{n}.txt", f"T{n}", "x", "0") for n in range(1234)]
    shown = html.article_list(articles, read_only=True)
    assert shown.count("<li>") == html.MOST_LISTED
    assert "1,034 more: search to find them." in shown


# -- the guard -------------------------------------------------------------------------------------


@pytest.fixture
def client() -> TestClient:
    async def echo(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    async def login(request: Request) -> Response:
        return PlainTextResponse("", 200 if await request.body() == b"right" else 400)

    routes = [Route("/", echo, methods=["GET", "POST"]), Route("/login", login, methods=["POST"])]
    app = Starlette(
        routes=routes, middleware=[Middleware(Guard, hosts=["localhost", "Name.example"])]
    )
    return TestClient(app, base_url="http://localhost:7860")


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:7860", "127.0.0.1:7860", "[::1]:7860", "192.168.1.7", "name.example"],
)
def test_known_hosts_and_bare_addresses_are_answered(client: TestClient, host: str):
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:7860",
        "",
        "[::1",
        "::1]",
        "[::1]x",
        "localhost:x",
        "localhost, evil.example",
        "evil@localhost",
        "localhost:7860:1",
        "[localhost]",
    ],
)
def test_other_hosts_are_refused(client: TestClient, host: str):
    assert client.get("/", headers={"host": host}).status_code == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://localhost:7860", "sec-fetch-site": "same-origin"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:9999"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_other_sites_cannot_post(client: TestClient, headers: dict[str, str], status: int):
    assert client.post("/", headers=headers).status_code == status


def test_every_reply_carries_the_headers(client: TestClient):
    for reply in (
        client.get("/"),
        client.get("/none"),
        client.get("/", headers={"host": "evil.example"}),
    ):
        assert HEADERS.items() <= dict(reply.headers).items()


def test_too_large_a_body_is_refused(client: TestClient):
    assert client.post("/", content=b"x" * 1000).text == "1000"
    assert (
        client.post("/", content=b"", headers={"content-length": str(MAX_BODY + 1)}).status_code
        == 413
    )


def test_assistants_need_the_password_too():
    async def tools(request: Request) -> Response:
        return PlainTextResponse("tools")

    routes = [Route("/gradio_api/mcp/", tools, methods=["POST"])]
    app = Starlette(
        routes=routes, middleware=[Middleware(Guard, hosts=["localhost"], auth=("ann", "sécret"))]
    )
    client = TestClient(app, base_url="http://localhost")
    assert client.post("/gradio_api/mcp/").status_code == 401
    assert client.post("/gradio_api/mcp/", auth=("ann", "secret")).status_code == 401
    assert client.post("/gradio_api/mcp/", auth=("ann", "sécret")).text == "tools"


def test_guessing_passwords_is_slowed_down(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    now = 0.0
    monkeypatch.setattr("qa.page.middleware.guard.monotonic", lambda: now)
    assert [client.post("/login", content=b"wrong").status_code for _ in range(LOGIN_FAILURES)] == [
        400
    ] * LOGIN_FAILURES
    assert client.post("/login", content=b"right").status_code == 429
    now = 61.0
    assert client.post("/login", content=b"right").status_code == 200
