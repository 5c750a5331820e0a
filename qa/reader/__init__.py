"""Readers: a question and passages -> the sentences that answer, the words in them that do, or silence."""

from pathlib import Path

from qa.types import Reader

BUNDLED = "bundled"
"""Name of the reader that comes with the package."""


def load_reader(name: str) -> Reader:
    """The bundled reader, or any extractive question-answering model by its folder or Hugging Face name.

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
