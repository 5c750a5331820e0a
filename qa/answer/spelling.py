"""A question -> the same with misspelt words corrected to words of the articles.

A word counts as misspelt if no article has it, it is not a single token of the encoder, and a word
of the articles is within an edit distance of one or two. For names it is one: "Volga" is not a
misspelt "Vologda".
"""

import re
from collections import Counter

from qa.index.interface import SearchIndex
from qa.index.words import count_changes

LEAST_LETTERS = 5
LETTERS_FOR_TWO = 7
"""Words of at least this length may have two wrong letters."""
MOST_WRONG = 2
"""Edit distance in the search for similar words, which compares stems."""
LOOKED_AT = 20
"""Passages in which similar words are looked for."""
_ENDING = 3
"""Letters of the longest ending that is taken for an inflection."""
_WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)?")


def correct_spelling(index: SearchIndex, question: str) -> str:
    """The question with misspelt words corrected; unchanged if there are none."""
    common = index.count_words(question)
    if common.holding and all(common.holding.values()):
        return question
    corrected, end = "", 0
    for match in _WORD.finditer(question):
        better = _correct_word(index, match[0], begins=match.start() == 0)
        corrected += question[end : match.start()] + (better or match[0])
        end = match.end()
    return corrected + question[end:]


def _correct_word(index: SearchIndex, word: str, *, begins: bool) -> str | None:
    if len(word) < LEAST_LETTERS or word.isupper():
        return None
    holding = index.count_words(word).holding
    if not holding or any(holding.values()) or index.encoder.count_tokens([word])[0] == 1:
        return None  # a stop word, a word of the articles, or an ordinary word that they lack
    is_name = word[0].isupper() and not begins
    most = MOST_WRONG if len(word) >= LETTERS_FOR_TWO and not is_name else 1
    passages = index.get_passages(index.find_alike(word, LOOKED_AT, letters=MOST_WRONG))
    near: Counter[str] = Counter()
    for passage in passages.values():
        is_english = passage.article.language in (None, "en")
        for other in _WORD.findall(passage.text):
            if not is_english and _differ_in_ending(word.casefold(), other.casefold()):
                continue
            if not is_name or other[0].isupper():
                near[other if is_name else other.casefold()] += 1
    best = min(
        (
            (count_changes(word.casefold(), other.casefold()), -n, other)
            for other, n in near.items()
        ),
        default=None,
    )
    if best is None or not 0 < best[0] <= most or best[2][0].casefold() != word[0].casefold():
        return None
    return best[2].capitalize() if begins and word[0].isupper() else best[2]


def _differ_in_ending(word: str, other: str) -> bool:
    """Whether two words may be forms of one, "stimmte" and "stimmen": the encoder, which knows
    ordinary words, is English.
    """
    stem = max(len(word), len(other)) - _ENDING
    return word[:stem] == other[:stem]
