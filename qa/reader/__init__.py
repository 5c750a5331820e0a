"""Readers: a question and passages -> the sentences that answer, the words in them that do, or
silence.
"""

import json
from pathlib import Path

from qa.types import Reader

BUNDLED = "bundled"
"""Name of the reader that comes with the package."""


def identify_bundled() -> str:
    """Name and weights' hash of the bundled reader, without loading it; empty where it is
    missing.
    """
    try:
        config = json.loads((Path(__file__).with_name("weights") / "config.json").read_text())
        return f"{config['name']} {config['model_sha256'][:12]}"
    except (OSError, ValueError, KeyError):
        return ""


def load_reader(name: str = BUNDLED) -> Reader:
    """The bundled reader, or any extractive question-answering model by its folder or Hugging Face
    name.

    Raises:
        ReaderUnavailable: it is not on this machine.
    """
    from qa.reader.onnx import OnnxReader

    if name == BUNDLED:
        return OnnxReader.from_folder()
    if (Path(name) / "model.onnx").is_file():
        return OnnxReader.from_folder(Path(name))
    from qa.reader.hugging_face import HuggingFaceReader

    return HuggingFaceReader.from_pretrained(name)
