"""An index on storage that speaks S3: SeaweedFS, a real server, started here.

The contract of every index is held against it in test_contract.py. Lance commits by a conditional
put (`If-None-Match: *`), so first it is seen that this server honours that.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from qa.encoder.onnx import OnnxEncoder
from qa.errors import IndexBusy
from qa.index.locate import build_index, check, copy_index, open_articles
from qa.page import make_page
from qa.page.launch import launch
from qa.page.service import Service
from tests.browser.serving import free_port
from tests.conftest import SAMPLES
from tests.objects import BUCKET, ObjectStore
from tests.standin import HashEncoder

WAIT_SECONDS = 60
"""Far more than it takes; the time itself is measured by tests/benchmarks/loading.py."""
TEXT = "The bridge at Hallowmere was opened in 1931.\n\nA toll of one penny paid for it.\n"
ADDED = "The lighthouse of Varn was lit in 1851 by Ada Cole.\n\nHer log fills nine volumes.\n"


@pytest.fixture
def location(objects: ObjectStore) -> str:
    return f"s3://{BUCKET}/{uuid4().hex}"


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "bridge.txt").write_text(TEXT)
    return folder


def test_of_two_who_put_an_object_that_is_not_there_one_is_refused(objects: ObjectStore):
    only_new = {"If-None-Match": "*"}
    with ThreadPoolExecutor(2) as both:
        for n in range(3):
            put = [both.submit(objects.put, f"key-{n}", b"%d" % i, only_new) for i in range(2)]
            assert sorted(one.result() for one in put) == [200, 412]


def test_a_build_in_steps_is_found_there_whole(articles: Path, location: str):
    assert build_index(articles, location, encoder=HashEncoder()).added == ("bridge.txt",)
    (articles / "added.txt").write_text(ADDED)
    assert build_index(articles, location, encoder=HashEncoder()).added == ("added.txt",)
    assert [a.text for a in open_articles(location).list_articles()] == [ADDED, TEXT]
    assert [finding for finding in check(location, articles) if not finding.is_ok] == []


def test_of_two_who_build_at_once_each_ends_whole_or_is_told_to_wait(articles: Path, location: str):
    from qa.index.lance.dataset import Dataset

    build_index(articles, location, encoder=HashEncoder())
    generation = Dataset.connect(location).require_newest().number
    (articles / "added.txt").write_text(ADDED)

    def attempt(_: int) -> str:
        try:
            build_index(articles, location, encoder=HashEncoder())
        except IndexBusy:
            return "told to wait"
        return "whole"

    with ThreadPoolExecutor(2) as both:
        ended = sorted(both.map(attempt, range(2)))
    assert ended in (["told to wait", "whole"], ["whole", "whole"])
    # Who came second found nothing to do.
    assert Dataset.connect(location).require_newest().number == generation + 1
    assert [finding for finding in check(location, articles) if not finding.is_ok] == []


@pytest.fixture(params=["s3", "file"])
def shared(
    request: pytest.FixtureRequest, objects: ObjectStore, tmp_path: Path, sample_index: Path
) -> str:
    """The sample articles' index, on either kind of storage."""
    where = {"s3": f"s3://{BUCKET}/{uuid4().hex}", "file": f"file://{tmp_path}/shared"}
    copy_index(sample_index, where[request.param])
    return where[request.param]


@pytest.fixture
def served(shared: str) -> Iterator[Any]:
    """Ask by the page's endpoints."""
    from gradio_client import Client

    service = Service(SAMPLES, shared, read_only=True)
    service.prepare()
    page = make_page(service)
    address = launch(page, host="127.0.0.1", port=free_port(), open_browser=False, block=False)
    assert httpx.get(address, timeout=30).status_code == 200
    client = Client(address, verbose=False, httpx_kwargs={"timeout": 60})
    yield client.predict
    client.close()
    page.close()


def test_the_page_serves_from_a_uri_and_sees_what_is_built_meanwhile(
    served: Any, shared: str, tmp_path: Path, encoder: OnnxEncoder
):
    before = served("What was the meeting about?", api_name="/ask")
    assert (before["status"], before["generation"]) == ("answered", 1)
    articles = tmp_path / "articles"
    articles.mkdir()
    for path in SAMPLES.iterdir():
        (articles / path.name).write_bytes(path.read_bytes())
    (articles / "varn.txt").write_text(ADDED)
    build_index(articles, shared, encoder=encoder)
    published = time.monotonic()
    while (after := served("Who lit the lighthouse of Varn?", api_name="/ask"))["generation"] == 1:
        assert time.monotonic() - published < WAIT_SECONDS
    assert json.dumps(after["quotes"]).count("1851 by Ada Cole") == 1
