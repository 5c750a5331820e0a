"""An index asked, then asked in a forked child; prints what the child was told.

    python -m tests.faults.forked FOLDER

The reader and the encoder go on in the child; an index has to be opened there.
"""

import os
import sys
from pathlib import Path

from qa.answer.answerer import Answerer
from qa.answer.retriever import Retriever
from qa.encoder.onnx import OnnxEncoder
from qa.errors import QAError
from qa.reader import BUNDLED, load_reader
from tests.standin import HashEncoder

TEXTS = ["The bridge was opened in 1931, as the ledger of the harbour says. " * 12] * 8


def main(folder: Path) -> None:
    """Ask here, then there."""
    retriever = Retriever.load(folder, encoder=HashEncoder())
    reader = load_reader(BUNDLED)
    encoder = OnnxEncoder.load(threads=2)
    answerer = Answerer(retriever, reader=reader)
    question = "When was the bridge opened?"
    assert answerer.answer(question).hits
    passages = [hit.passage for hit in retriever.retrieve(question)]
    readings, rows = reader.read(question, passages), encoder.encode_passages(TEXTS)
    child = os.fork()
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    try:
        answerer.answer(question)
    except QAError as error:
        print(error)
    assert reader.read(question, passages) == readings
    assert (encoder.encode_passages(TEXTS) == rows).all()
    fresh = Retriever.load(folder, encoder=HashEncoder())
    assert [hit.passage for hit in fresh.retrieve(question)] == passages
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
