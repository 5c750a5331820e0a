"""Article -> sentences -> passages: runs of whole sentences that are encoded and retrieved.

A quote's offsets are made here (`segment`, called by `split_passages`). Passages cover the text, in
order, with nothing but white space between them. None crosses a heading: it begins with one, or
with a paragraph.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from qa.articles.blocks import Block, find_blocks
from qa.types import Article, Passage, Sentence, Span

SPLITTER = "4"
"""Version of this splitter; articles of an index made by another version are split again."""

CountTokens = Callable[[Sequence[str]], list[int]]
_SURELY_TOO_LONG = 20
"""Characters per token: a text of more than `max_tokens` times this is cut without counting."""
_SPACE = re.compile(r"\s+")
# nupunkt only knows the full stops of the Latin and Arabic scripts.
_OTHER_STOPS = re.compile(r"[؟۔。！？｡।॥։።။][؟۔。！？｡।॥։።။!?.…]*[”’\"'»」』）)\]]*")
# It was trained on legal texts, where "art.", "series.", "century." do not end a sentence.
_WORD_STOP = re.compile(
    r"(?<![\w.])(?P<word>[^\W\d_]{2,})\.[”’\"'»)\]]*"
    r"(?=(?:\s*\[\d+\])*\s+[“‘\"'«(\[]*(?P<next>[^\W\d_]))"
)
_LONG = 4
"""Letters from which a word before a full stop is rarely an abbreviation."""
_LONG_ABBREVIATIONS = frozenset(
    """
    abzgl approx appt asst assoc atty bros bspw bzgl capt chap chaps comm corp dept depts evtl exkl
    figs ggfs hrsg illus incl inkl lieut messrs orig prof profs publ resp sect supp univ vols zzgl
    """.split()
)
_SHORT_WORDS = frozenset(
    """
    add am ant app art at axe bat bed bee bin bus can cap car cod cow dig fed ft hay hen how hum ill
    kg lab lb lbs leg lit low met no nor ore oz pen pet pin pop pub raw rob row sat saw sir so sub
    sum sun tax ten win
    """.split()
)
"""Of what nupunkt takes for abbreviations, what ends a sentence where a capital follows."""
# "3 sq. km. in the north": nupunkt ends a sentence after units, whatever follows.
_UNIT = re.compile(r"\b(?:sq|cu|km|cm|mm|kg|lbs?|oz|ft|mi|mph|hrs?|mins?|secs?|yrs?)\.$")
_STRAY_CLOSERS = re.compile(r"(?:\[\d+\]|[”’\"'»)\]])+(?=\s|$)")
_LIST_NUMBER = re.compile(r"\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,4})[.)]")
# "د. هدى", "أ.د. هدى": titles are a letter and a full stop, after which nupunkt ends a sentence.
_ARABIC_TITLE = re.compile(r"(?<!\w)[\u0621-\u064a]\.$")


class PassageSize(NamedTuple):
    """How long passages are, in the encoder's tokens, without title and special tokens."""

    max_tokens: int = 128
    """The limit; only one long sentence, and headings above one that just fits, may exceed it."""
    target_tokens: int = 64
    """A passage this long is not extended by a further paragraph."""
    sentence_chars: int = 600
    """A sentence up to this long is kept whole, however many tokens it has; a longer one of more
    than `max_tokens`, such as a table, is cut. The models know few words that are not English: 128
    tokens are 25 words of Arabic, about 150 characters, and of ARCD's sentences half are longer."""

    @property
    def key(self) -> str:
        """What, beside the text, passages depend on."""
        return f"{SPLITTER} {self.max_tokens} {self.target_tokens} {self.sentence_chars}"


DEFAULT_SIZE = PassageSize()


def split_passages(
    article: Article, count_tokens: CountTokens, *, size: PassageSize = DEFAULT_SIZE
) -> list[Passage]:
    """Split an article into passages; `count_tokens` is the encoder's."""
    paragraphs = _fit_sentences(article.text, list(_split_paragraphs(article)), count_tokens, size)
    return [
        Passage(article, start, end, tuple(sentences))
        for start, end, sentences in _pack_paragraphs(paragraphs, size)
    ]


class _Paragraph(NamedTuple):
    block: Block
    sentences: list[Sentence]
    """Empty where the block has no words."""
    lengths: list[int]
    """Number of tokens of each sentence."""


class _Run(NamedTuple):
    start: int
    end: int
    sentences: list[Sentence]


def _pack_paragraphs(paragraphs: Iterable[_Paragraph], size: PassageSize) -> list[_Run]:
    """Fill runs with whole paragraphs; divide a paragraph only when it does not fit into one."""
    runs: list[_Run] = []
    tokens = 0
    skipped: int | None = None
    for block, sentences, lengths in paragraphs:
        if not sentences:  # no words: part of the run before it, or else of the next
            if runs:
                runs[-1] = runs[-1]._replace(end=block.end)
            elif skipped is None:
                skipped = block.start
            continue
        if not runs or _is_full(runs[-1], tokens, block, sum(lengths), size):
            runs.append(_Run(block.start if skipped is None else skipped, block.end, []))
            tokens, skipped = 0, None
        for part in _divide(lengths, tokens, size.max_tokens):
            if part.start:
                runs.append(_Run(sentences[part.start].start, block.end, []))
                tokens = 0
            runs[-1].sentences.extend(sentences[part.start : part.end])
            end = block.end if part.end == len(sentences) else sentences[part.end - 1].end
            runs[-1] = runs[-1]._replace(end=end)
            tokens += sum(lengths[part.start : part.end])
    return runs


def _is_full(run: _Run, tokens: int, block: Block, length: int, size: PassageSize) -> bool:
    """Whether the next paragraph, of `length` tokens, has to begin a run of its own."""
    too_long = tokens + length > size.max_tokens
    if all(sentence.kind == "heading" for sentence in run.sentences):
        return too_long and block.kind == "heading"  # headings stay with the text below them
    return too_long or block.kind == "heading" or tokens >= size.target_tokens


def _divide(lengths: list[int], used: int, max_tokens: int) -> list[Span]:
    """Ranges of sentences: one if all fit beside the tokens used already, else runs of about equal
    length.
    """
    total = used + sum(lengths)
    share = total / -(-total // max_tokens)
    parts: list[Span] = []
    first = done = 0
    filled = used
    for position, length in enumerate(lengths):
        over = filled + length > max_tokens
        reached = done + filled + length / 2 > share * (len(parts) + 1)
        if position > first and (over or reached):
            parts.append(Span(first, position))
            done += filled
            first, filled = position, 0
        filled += length
    return [*parts, Span(first, len(lengths))]


def _fit_sentences(
    text: str,
    paragraphs: Sequence[tuple[Block, list[Sentence]]],
    count_tokens: CountTokens,
    size: PassageSize,
) -> Iterator[_Paragraph]:
    """Count the tokens of sentences, and cut those that are too long, such as tables."""
    spans = [Span(s.start, s.end) for _, sentences in paragraphs for s in sentences]
    pieces = iter(_cut_long(text, spans, count_tokens, size.max_tokens, size.sentence_chars))
    for block, sentences in paragraphs:
        fitted: list[Sentence] = []
        lengths: list[int] = []
        for sentence in sentences:
            for span, length in next(pieces):
                fitted.append(Sentence(span.start, span.end, sentence.paragraph, sentence.kind))
                lengths.append(length)
        yield _Paragraph(block, fitted, lengths)


def _cut_long(
    text: str, spans: Sequence[Span], count_tokens: CountTokens, max_tokens: int, whole_chars: int
) -> list[list[tuple[Span, int]]]:
    """Each span with its length in tokens, or if it is longer than both `max_tokens` and
    `whole_chars`, the pieces of at most `max_tokens` into which it was halved.
    """
    countable = max(_SURELY_TOO_LONG * max_tokens, whole_chars)
    short = [span.end - span.start <= countable for span in spans]
    counts = iter(
        count_tokens(
            [text[s.start : s.end] for s, is_short in zip(spans, short, strict=True) if is_short]
        )
    )
    cut = []
    for span, is_short in zip(spans, short, strict=True):
        length = next(counts) if is_short else max_tokens + 1
        if length <= max_tokens or span.end - span.start <= max(1, whole_chars):
            cut.append([(span, length)])
        else:
            halves = _cut_long(text, _halve(text, span), count_tokens, max_tokens, 0)
            cut.append([piece for half in halves for piece in half])
    return cut


def _halve(text: str, span: Span) -> tuple[Span, Span]:
    """Two halves, cut at white space after the middle, or else in the middle."""
    middle = (span.start + span.end) // 2
    gap = _SPACE.search(text, middle, middle + (span.end - span.start) // 4)
    left, right = gap.span() if gap else (middle, middle)
    return _strip(text, Span(span.start, left)), _strip(text, Span(right, span.end))


def _split_paragraphs(article: Article) -> Iterator[tuple[Block, list[Sentence]]]:
    number = 1
    for block in find_blocks(article):
        if block.is_empty:
            yield block, []
        elif block.kind == "heading":
            yield block, [Sentence(block.text_start, block.text_end, number, "heading")]
        else:
            spans = segment(article.text[block.text_start : block.text_end])
            shift = block.text_start
            yield block, [Sentence(shift + start, shift + end, number) for start, end in spans]
            number += 1


def segment(text: str) -> list[Span]:
    """The sentences of one paragraph, without white space at their ends.

    nupunkt was the best of those measured, its offsets are exact on any text, and it needs no other
    package. Rules are added for other scripts, for words that it takes for abbreviations, for stray
    closing quotes and list numbers. Gold sentences found with both ends, in per cent
    (tests/benchmarks/sentences.py):

                 here   nupunkt   sentencex   pysbd
        QED      94.6      94.6        92.3    81.0
        SelQA    97.2      95.7        91.9    89.9
        ClapNQ   95.7      95.3        91.3    83.2
    """
    import nupunkt

    # A line break within a paragraph is only the margin's; a copy of the same length keeps all
    # offsets.
    line = text.replace("\n", " ")
    spans: list[Span] = []
    for start, end in nupunkt.sentence_spans(line, paragraph_breaks=False):
        for piece in _split_further(line, start, end):
            _append(line, spans, piece)
    return spans


def _split_further(line: str, start: int, end: int) -> Iterator[Span]:
    stops = [match.end() for match in _OTHER_STOPS.finditer(line, start, end)]
    stops += [
        match.end() for match in _WORD_STOP.finditer(line, start, end) if _ends_with_word(match)
    ]
    for stop in sorted(stops):
        yield Span(start, stop)
        start = stop
    yield Span(start, end)


def _ends_with_word(match: re.Match[str]) -> bool:
    word = match["word"]
    if not (word.islower() and match["next"].isupper()):
        return False
    if len(word) < _LONG:
        return word in _SHORT_WORDS
    return word not in _LONG_ABBREVIATIONS


def _append(line: str, spans: list[Span], span: Span) -> None:
    """Append a sentence, or join it to the one before if it is only a part of that."""
    span = _strip(line, span)
    if spans and (match := _STRAY_CLOSERS.match(line, span.start, span.end)):
        spans[-1] = Span(spans[-1].start, match.end())
        span = _strip(line, Span(match.end(), span.end))
    if span.start == span.end:
        return
    if spans and (
        _is_only_a_beginning(line, spans[-1])
        or not _has_words(line, span)
        or (line[span.start].islower() and _UNIT.search(line, spans[-1].start, spans[-1].end))
    ):
        spans[-1] = Span(spans[-1].start, span.end)
    else:
        spans.append(span)


def _is_only_a_beginning(line: str, span: Span) -> bool:
    is_number = _LIST_NUMBER.fullmatch(line, span.start, span.end) is not None
    is_title = _ARABIC_TITLE.search(line, max(span.start, span.end - 2), span.end) is not None
    return is_number or is_title or not _has_words(line, span)


def _has_words(line: str, span: Span) -> bool:
    return any(line[n].isalnum() for n in range(span.start, span.end))


def _strip(line: str, span: Span) -> Span:
    start, end = span
    while start < end and line[start].isspace():
        start += 1
    while end > start and line[end - 1].isspace():
        end -= 1
    return Span(start, end)
