"""Confidence -> status: from where the program stands behind an answer, or shows it as possible.

Confidence is fitted on thirteen kinds of text to be the share of right first quotes, so the bounds
mean what they say: from `THRESHOLD` on an answer is more likely right than wrong. Both were chosen
on articles kept out for choosing, each kind judged by weights fitted on the others.
"""

THRESHOLD = 0.5
"""Confidence from which a question counts as answered."""
POSSIBLY = 0.25
"""Confidence from which it counts as possibly answered: quotes are shown, under a line that says
so. Nearly all right first quotes are shown from here on, and few questions on subjects that the
articles lack.
"""
LIKELY = THRESHOLD
"""Score from which a quote is called a likely answer; from `POSSIBLY` on it is a possible one."""
SUBJECT_THRESHOLD = 0.3
"""Probability from which the articles count as speaking of the subject."""
EXAMPLE_CONFIDENCE = 0.6
"""An example question is offered if the index answers it with at least this confidence."""
