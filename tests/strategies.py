"""Texts for Hypothesis: any Unicode, with what layout and splitting react to drawn more often."""

from hypothesis import strategies as st

SIGNS = " \n\t.!?؟。…,;:\"'“”«»()[]-*#>|=~`_1aA&<مד你é😀‏‍́ \v\f\x85\u2028\u3000"
PIECES = (
    "\n\n",
    "\r\n",
    "\r",
    "# ",
    "- ",
    "1. ",
    "> ",
    "```\n",
    "---\n",
    "====\n",
    "| a | b |\n",
    "The meeting was held. ",
    "The meeting was held. ",
    "Dr. A. B. Smith left. ",
    "“Why?” she asked. ",
    "انتهى الاجتماع. ",
    "متى؟ ",
    "会议结束了。",
    "👩‍👩‍👧 ",
    "a long line that an editor would break at its margin and go on with below ",
)
ANY_TEXT = st.lists(
    st.one_of(
        st.sampled_from(PIECES),
        st.text(SIGNS, max_size=8),
        st.text(st.characters(codec="utf-8"), max_size=8),
    ),
    max_size=40,
).map("".join)
