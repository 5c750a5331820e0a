"""Confidence -> status: from where the program stands behind an answer, or shows it as possible.

Confidence was fitted to expect many questions that people wrote to deceive, so where questions are
asked in earnest it is too low: of first quotes on news, reviews and search questions, held out for
choosing, about four in five are right from .2 on.
"""

THRESHOLD = 0.2
"""Confidence from which a question counts as answered."""
POSSIBLY = 0.06
"""Confidence from which it counts as possibly answered: quotes are shown, under a line that says
so.
"""
LIKELY = 0.35
"""Score from which a quote is called a likely answer; from `POSSIBLY` on it is a possible one."""
SUBJECT_THRESHOLD = 0.5
"""Probability from which the articles count as speaking of the subject."""
