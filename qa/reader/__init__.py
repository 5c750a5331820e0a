"""Reader: a question and passages -> a score for each sentence, and the words in it that answer.

In: a model's name or folder. Out: a `Reader`, whose readings also say how likely it is that a
passage does not answer. May import: types, errors.
"""

import json
from pathlib import Path

from qa.types import Reader

BUNDLED = "bundled"
"""Name of the reader that comes with the package."""
_WEIGHTS = Path(__file__).with_name("weights")


def identify_reader(folder: Path | None = None) -> str:
    """Name and weights' hash of the bundled reader, or of one in another folder, without loading
    it; empty where it is missing.
    """
    try:
        config = json.loads(((folder or _WEIGHTS) / "config.json").read_text(encoding="utf-8"))
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
