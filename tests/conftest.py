"""Shared, costly things: one encoder, and one index of the sample articles."""

import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import pytest

from qa.encoder import SentenceTransformerEncoder
from qa.index import build

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "index" / "articles"
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def encoder() -> SentenceTransformerEncoder:
    return SentenceTransformerEncoder.from_pretrained()


@pytest.fixture(scope="session")
def sample_index(tmp_path_factory: pytest.TempPathFactory, encoder: SentenceTransformerEncoder) -> Path:
    """Folder of an index of the sample articles; tests that change an index make their own."""
    folder = tmp_path_factory.mktemp("samples") / "index"
    build(SAMPLES, folder, encoder=encoder)
    return folder


@pytest.fixture(scope="session")
def data() -> Path:
    """The question sets, which are not part of the project."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"needs the question sets in {SHARED / 'data'}")
    return SHARED / "data"
