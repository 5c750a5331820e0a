import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.articles.passages import DEFAULT_SIZE, PassageSize, segment, split_passages
from qa.types import Article, Passage
from tests.strategies import ANY_TEXT


def article(text: str, body_start: int = 0) -> Article:
    return Article("a.txt", "A title", text, "0" * 64, body_start=body_start)


def count_words(texts) -> list[int]:
    return [len(text.split()) for text in texts]


def sentences_of(text: str) -> list[str]:
    return [text[start:end] for start, end in segment(text)]


def texts_of(passages: list[Passage]) -> list[str]:
    return [passage.text for passage in passages]


# -- sentences -------------------------------------------------------------------------------------


@given(ANY_TEXT)
def test_sentences_are_whole_in_order_and_leave_only_white_space(text):
    position = 0
    for start, end in segment(text):
        assert position <= start < end
        assert text[start:end] == text[start:end].strip()
        assert not text[position:start].strip()
        position = end
    assert not text[position:].strip()


@pytest.mark.parametrize(
    "sentences",
    [
        ["He said “We will go.”", "Then Dr. J. R. Smith left.", "She stayed."],
        [
            "Mr. Example, of the U.S. Army, came at 5 p.m. on Monday.",
            '"Really?" she asked.',
            "Yes!",
        ],
        [
            "“No,” he said.",
            "‘Why?’ she asked.",
            "(See p. 5.)",
            "It rose by 2.5 per cent, i.e. a lot.",
        ],
        ["1. First thing.", "2. Second thing."],
        ["The text ends here.[1]", "The next goes on. [2]", "And a third."],
        [
            "It was the end of the century.",
            "English came.",
            "It was a series. [3]",
            "Prof. Smith is approx. Ten.",
        ],
        ["Then... what?", "… nothing."],
        ["😀 Hello.", "😀 Bye!", "👍🏽 Fine. 👍🏽"],
        [
            "قال الوزير: «كان أمامنا طريقان».",
            "ثم خرج؟!",
            "وماذا بعد؟",
            "حضر د. محمد؛ ثم خرج.",
            "د. هدى وحدها بقيت.",
        ],
        ["עשרה באו.", "מי הם?"],
    ],
)
def test_sentences_end_where_a_reader_ends_them(sentences):
    assert sentences_of(" ".join(sentences)) == sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["会议在大马士革举行。", "谁参加了？", "“我们不知道。”", "他说。", "结束！！"],
        ["昨日、会議が開かれた。", "「はい。」", "終わり。"],
        ["यह पहला वाक्य है।", "यह दूसरा है।"],
        ["یہ پہلا جملہ ہے۔", "یہ دوسرا ہے۔"],
    ],
)
def test_sentences_of_scripts_with_other_stops_need_no_space_between_them(sentences):
    assert sentences_of("".join(sentences)) == sentences


def test_a_broken_line_does_not_break_a_sentence():
    assert sentences_of("The bridge was\nclosed. It\nis open.") == [
        "The bridge was\nclosed.",
        "It\nis open.",
    ]


def test_repeated_sentences_stay_apart():
    text = "It rained. It rained. It rained."
    assert segment(text) == [(0, 10), (11, 21), (22, 32)]


def test_paragraphs_are_counted_and_a_heading_has_the_number_of_the_one_below():
    text = "# Title\n\nOne. Two.\n\n## More\n\nThree.\n\n- Four\n- Five\n\n***\n\nSix"
    found = [
        (s.paragraph, s.kind[0], text[s.start : s.end])
        for passage in split_passages(article(text), count_words)
        for s in passage.sentences
    ]
    assert found == [
        (1, "h", "Title"),
        (1, "b", "One."),
        (1, "b", "Two."),
        (2, "h", "More"),
        (2, "b", "Three."),
        (3, "b", "Four"),
        (4, "b", "Five"),
        (5, "b", "Six"),
    ]


def test_front_matter_is_no_part_of_the_sentences():
    text = "---\ntitle: X\n---\nOne."
    (passage,) = split_passages(article(text, body_start=17), count_words)
    assert [(s.start, s.end, s.paragraph) for s in passage.sentences] == [(17, 21, 1)]


# -- passages --------------------------------------------------------------------------------------


@given(ANY_TEXT, st.integers(1, 12), st.integers(0, 12), st.integers(0, 40))
def test_passages_put_together_give_back_the_article(
    text, max_tokens, target_tokens, sentence_chars
):
    size = PassageSize(max_tokens, min(max_tokens, target_tokens), sentence_chars)
    passages = split_passages(article(text), count_words, size=size)
    position = 0
    for passage in passages:
        assert position <= passage.start < passage.end
        assert not text[position : passage.start].strip()
        position = passage.start
        for sentence in passage.sentences:
            assert position <= sentence.start < sentence.end <= passage.end
            # What stands between sentences is a marker or a rule, never words.
            between = text[position : sentence.start]
            assert not any(char.isalpha() for char in between) or "`" in between or "~" in between
            position = sentence.end
        position = passage.end
    assert bool(passages) == any(char.isalnum() for char in text)
    assert not passages or not text[position:].strip()


@given(ANY_TEXT, st.integers(1, 12), st.integers(0, 40))
def test_no_passage_is_too_long_but_for_a_heading_or_one_sentence(text, max_tokens, sentence_chars):
    size = PassageSize(max_tokens, max_tokens, sentence_chars)
    for passage in split_passages(article(text), count_words, size=size):
        parts = [text[s.start : s.end] for s in passage.sentences]
        counts = count_words(parts)
        for part, count in zip(parts, counts, strict=True):
            assert count <= max_tokens or len(part) <= sentence_chars
        if sum(counts) > max_tokens:
            assert [s.kind for s in passage.sentences[:-1]] == ["heading"] * (len(parts) - 1)


def test_paragraphs_fill_a_passage_up_to_its_target_and_are_not_cut():
    text = "\n\n".join(["one two three."] * 6)
    passages = split_passages(article(text), count_words, size=PassageSize(10, 5, 0))
    assert texts_of(passages) == ["one two three.\n\none two three."] * 3
    assert [passage.paragraph for passage in passages] == [1, 3, 5]


def test_a_long_paragraph_is_divided_between_sentences_into_equal_parts():
    text = " ".join(["One two three four."] * 6)
    passages = split_passages(article(text), count_words, size=PassageSize(16, 8, 0))
    assert [len(passage.sentences) for passage in passages] == [3, 3]


def test_a_passage_never_crosses_a_heading():
    text = "# Top\n\nOne.\n\n## Below\n\n### Deep\n\nTwo.\n\nThree."
    passages = split_passages(article(text), count_words)
    assert texts_of(passages) == ["# Top\n\nOne.", "## Below\n\n### Deep\n\nTwo.\n\nThree."]


def test_headings_without_text_do_not_pile_up():
    text = "\n\n".join(f"# Heading number {n}" for n in range(500))
    passages = split_passages(article(text), count_words)
    assert len(passages) == 500 * 3 // 126 + 1
    assert (
        max(sum(count_words(text[s.start : s.end] for s in p.sentences)) for p in passages) <= 128
    )


def test_a_heading_above_a_long_paragraph_stays_with_its_beginning():
    text = "# A short heading\n\n" + " ".join(["One two three four."] * 4)
    passages = split_passages(article(text), count_words, size=PassageSize(16, 8, 0))
    assert [len(passage.sentences) for passage in passages] == [3, 2]
    assert passages[0].text.startswith("# A short heading")


def test_rules_belong_to_the_passage_before_or_else_to_the_next():
    text = "***\n\nOne.\n\n***\n\n***"
    assert texts_of(split_passages(article(text), count_words)) == [text]


def test_a_very_long_line_is_cut_at_white_space_to_what_the_encoder_can_read(encoder):
    text = "bridge " * 3000 + "x" * 5000 + " 桥" * 600 + "한" * 600
    passages = split_passages(article(text), encoder.count_tokens)
    pieces = [text[s.start : s.end] for passage in passages for s in passage.sentences]
    assert max(encoder.count_tokens(pieces)) <= DEFAULT_SIZE.max_tokens
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert {piece.partition(" ")[0] for piece in pieces if "bridge" in piece} == {"bridge"}


def test_a_long_sentence_is_kept_whole_and_a_passage_of_its_own(encoder):
    short = "لم يكن أحد في الواحة يتوقع أن يعود الموسم إلى سابق عهده."
    long = (
        "غير أن المزارعين الذين التقيناهم هذا الأسبوع يتحدثون عن محصول يقارب أربعة آلاف طن، أي ضعف "
        "ما جُني في العام الماضي، ويعزون ذلك إلى القناة الجديدة التي افتُتحت في مارس."
    )
    assert encoder.count_tokens([long])[0] > DEFAULT_SIZE.max_tokens
    text = f"{short} {long}"
    passages = split_passages(article(text), encoder.count_tokens)
    assert texts_of(passages) == [short, long]
    assert [len(passage.sentences) for passage in passages] == [1, 1]


def test_a_sentence_that_is_too_long_is_cut_into_pieces_of_a_passage_each():
    words = [f"word{n}" for n in range(10, 40)]
    size = PassageSize(max_tokens=8, target_tokens=8, sentence_chars=202)
    passages = split_passages(article(" ".join(words)), count_words, size=size)
    assert [len(count.split()) for count in texts_of(passages)] == [8, 7, 8, 7]
    (whole,) = split_passages(article(" ".join(words[:29])), count_words, size=size)
    assert whole.text == " ".join(words[:29])


@pytest.mark.parametrize(
    "header",
    [
        "Council rejects wind farm\nBy Petra Lang\n12 March 2023",
        "Council rejects wind farm\nBy Petra Lang, 12 March 2023",
        "Rat lehnt Windpark ab\nVon Petra Lang\n12. März 2023",
        "12. März 2023\n\nRat lehnt Windpark ab\n\nVon Petra Lang",
        "Rat lehnt Windpark ab\nVon Petra Lang, 12. März 2023",
        "El puente está cerrado\nPor Luis Pardo\n4 de mayo de 2021",
        "El puente está cerrado\nPor Luis Pardo | 4 de mayo de 2021",
        "Le pont est fermé\nPar Jean Dupont\n1er juin 2020",
        "افتتاح الجسر\nبقلم: طارق الحميد\n22 فبراير 2023",
    ],
)
def test_the_first_paragraph_below_a_header_is_number_one_in_each_language(header):
    body = "The council met on Monday. It said no.\n\nThe mayor was not there on that day."
    (passage,) = split_passages(article(f"{header}\n\n{body}\n"), count_words)
    numbers = [(sentence.kind, sentence.paragraph) for sentence in passage.sentences]
    headings = [("heading", 1)] * len(header.replace("\n\n", "\n").split("\n"))
    assert numbers == [*headings, ("body", 1), ("body", 1), ("body", 2)]


def test_a_numbered_list_below_the_header_is_no_date():
    text = "The plan\n\n1. March to the bridge.\n2. May 2020 is the end.\n"
    (passage,) = split_passages(article(text), count_words)
    assert [sentence.kind for sentence in passage.sentences] == ["heading", "body", "body"]


@pytest.mark.parametrize(
    "sentences",
    [
        ["The pressure is low.", "Open both valves."],
        ["He said no.", "They took the car.", "It weighs 5 kg.", "So it sank to the river bed."],
        ["The area is 3 sq. km. in the north.", "It is flat."],
        ["They live at no. 5 Elm Street.", "See fig. A and vol. B of it."],
    ],
)
def test_short_words_end_sentences_and_abbreviations_and_units_do_not(sentences: list[str]):
    text = " ".join(sentences)
    assert [text[start:end] for start, end in segment(text)] == sentences
