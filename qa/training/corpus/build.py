"""Folders of articles and questions -> a training corpus on disk.

python -m qa.training.corpus.build --source DATA --tokenizer tokenizer.json --out CORPUS
"""

from itertools import pairwise
from pathlib import Path

import click
import numpy as np

from qa.training.corpus.arrays import (
    MAX_PASSAGE_TOKENS,
    MAX_QUESTION_TOKENS,
    Corpus,
    Ints,
    find_starts,
)
from qa.training.corpus.negatives import find_negatives
from qa.training.corpus.rows import ParagraphText, add_made, add_rewrites, read_rows


def cut_passages(sentence_starts: Ints, paragraph_starts: Ints) -> Ints:
    """(n, 2) sentence ranges: each paragraph cut into runs of whole sentences of at most
    MAX_PASSAGE_TOKENS.
    """
    passages: list[tuple[int, int]] = []
    for first, last in pairwise(paragraph_starts):
        begin = first
        for sentence in range(first, last):
            if (
                sentence > begin
                and sentence_starts[sentence + 1] - sentence_starts[begin] > MAX_PASSAGE_TOKENS
            ):
                passages.append((begin, sentence))
                begin = sentence
        if begin < last:
            passages.append((begin, last))
    return np.array(passages, dtype=np.int64)


def build(source: Path, tokenizer_file: Path, *, seed: int = 7) -> Corpus:
    """Read and tokenise the question sets below `source`, rewrite questions, and find the negatives
    of every answered one.
    """
    text = ParagraphText(tokenizer_file)
    rows = add_made(add_rewrites(read_rows(source, text), text, seed=seed), text, seed=seed)
    sentence_starts = np.array([*text.sentence_starts, len(text.tokens)], dtype=np.int64)
    paragraph_starts = np.array(text.paragraph_starts, dtype=np.int64)
    passages = cut_passages(sentence_starts, paragraph_starts)
    tokens = np.array(text.tokens, dtype=np.uint16)
    encoded = text.tokenizer.encode_batch([row.text for row in rows], add_special_tokens=False)
    questions = [encoding.ids[:MAX_QUESTION_TOKENS] for encoding in encoded]
    passage_articles = [
        text.paragraph_articles[paragraph]
        for paragraph in np.searchsorted(paragraph_starts, passages[:, 0], side="right") - 1
    ]
    passage_texts = ["".join(text.sentence_texts[first:last]).lower() for first, last in passages]
    passage_tokens = [
        tokens[sentence_starts[first] : sentence_starts[last]] for first, last in passages
    ]
    near, far = find_negatives(rows, questions, passage_tokens, passage_texts, passage_articles)
    return Corpus(
        tokens=tokens,
        sentence_starts=sentence_starts,
        paragraph_starts=paragraph_starts,
        passages=passages,
        question_tokens=np.array(
            [token for question in questions for token in question], dtype=np.uint16
        ),
        question_starts=find_starts([len(question) for question in questions]),
        focus=np.array([row.focus for row in rows], dtype=np.int64),
        span_starts=find_starts([len(row.spans) for row in rows]),
        spans=np.array([span for row in rows for span in row.spans], dtype=np.int64),
        near=near,
        far=far,
        rewritten_from=np.array([row.rewritten_from for row in rows], dtype=np.int64),
        sentence_only=np.array([row.sentence_only for row in rows]),
        source=np.array([row.source for row in rows], dtype=np.int64),
        training=np.array([row.training for row in rows]),
    )


@click.command(help=__doc__)
@click.option(
    "--source",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="Folder of the question sets.",
)
@click.option(
    "--tokenizer",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="The encoder's tokenizer.json.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
def main(source: Path, tokenizer: Path, out: Path) -> None:
    """Build a corpus."""
    corpus = build(source, tokenizer)
    corpus.save(out)
    answered = corpus.is_answered()
    click.echo(
        f"{len(corpus.tokens):,} tokens, {len(corpus.passages):,} passages, {len(answered):,} "
        "questions"
    )
    click.echo(f"answered {answered.sum():,}, rewritten {(corpus.rewritten_from >= 0).sum():,}")
    click.echo(f"held out {(~corpus.training).sum():,}")


if __name__ == "__main__":
    main()
