"""Confidence -> status: from where the program stands behind an answer, or shows it as possible.

Confidence was fitted to expect many questions that people wrote to deceive, so where questions are
asked in earnest it is too low: of first quotes on news, reviews and search questions, held out for
choosing, about four in five are right from .2 on.
"""

THRESHOLD = 0.2
"""Confidence from which a question counts as answered."""
POSSIBLY = 0.05
"""Confidence from which it counts as possibly answered: quotes are shown, under a line that says
so. On six of those sets .94 to 1.0 of the right first quotes are shown from here on, and .00 to
.10 of questions on subjects that the articles lack.
"""
LIKELY = 0.35
"""Score from which a quote is called a likely answer; from `POSSIBLY` on it is a possible one."""
SUBJECT_THRESHOLD = 0.5
"""Probability from which the articles count as speaking of the subject."""
EXAMPLE_CONFIDENCE = 0.4
"""An example question is offered if the index answers it with at least this confidence."""
