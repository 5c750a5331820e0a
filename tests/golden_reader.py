"""Write tests/data/reader-golden.json: what the float reader says of some passages of the sample
articles.

    python -m tests.golden_reader CHECKPOINT

The shipped reader, the int8 form of that checkpoint, is tested against it.
"""

import argparse
import json
from pathlib import Path

import torch

from qa.articles.passages import split_passages
from qa.articles.read import read_article
from qa.encoder.onnx import OnnxEncoder
from qa.reader.onnx import OnnxReader, read_scores
from qa.training.model import ReaderModel
from tests.conftest import SAMPLES

GOLDEN = Path(__file__).parent / "data" / "reader-golden.json"
QUESTIONS = (
    ("the-damascus-meeting.txt", "What was the meeting about?"),
    ("the-damascus-meeting.txt", "Who was killed in the strike?"),
    ("the-meadow-under-ostrey-bay.md", "How many hectares does the eelgrass cover?"),
    ("an-hour-for-the-bicycle.md", "When should I replace the chain?"),
    ("hallowmere-bridge-minutes-1931.txt", "Who took the chair in January?"),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    model = ReaderModel.load(parser.parse_args().checkpoint).eval()
    tokenizer = OnnxReader.from_folder().tokenizer
    encoder = OnnxEncoder.load()
    rows = []
    for name, question in QUESTIONS:
        article = read_article(SAMPLES / name, SAMPLES)
        for passage in split_passages(article, encoder.count_tokens)[:12:3]:
            encoding = tokenizer.encode(question, passage.text)
            inputs = (encoding.ids, encoding.attention_mask, encoding.type_ids)
            with torch.inference_mode():
                scores = model(*(torch.tensor([part]) for part in inputs))
            start, end, sentence = (
                part[0].numpy() for part in (scores.start, scores.end, scores.sentence)
            )
            reading = read_scores(
                passage, encoding, start, end, sentence, silence=float(scores.null[0])
            )
            rows.append(
                {
                    "question": question,
                    "article": name,
                    "start": passage.start,
                    "end": passage.end,
                    "sentences": [round(sentence.score, 3) for sentence in reading.sentences],
                    "silence": round(reading.silence, 3),
                }
            )
    GOLDEN.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
