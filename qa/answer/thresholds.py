"""The thresholds by which a confidence becomes a status.

Confidence is calibrated on eleven kinds of text: it estimates the share of right first quotes.
`THRESHOLD` and `POSSIBLY` were chosen on held-out articles: a higher `THRESHOLD` would call fewer
questions made to deceive answered, but also fewer that are answered rightly.
"""

THRESHOLD = 0.6
"""Confidence from which a question counts as answered."""
POSSIBLY = 0.25
"""Confidence from which it counts as possibly answered: quotes are shown with a line that says so.
With this bound, nearly all right first quotes are shown, and few for questions on subjects that the
articles do not have.
"""
LIKELY = THRESHOLD
"""Score from which a quote is called "likely answer"; from `POSSIBLY`, "possible answer"."""
SUBJECT_THRESHOLD = 0.3
"""Probability from which the articles count as being on the subject of the question."""
EXAMPLE_CONFIDENCE = 0.6
"""An example question is offered if the index answers it with at least this confidence."""
SURE = 0.8
"""Confidence from which no further passages are read. Chosen on articles to choose on; what it
costs is what `python -m qa.training.fit --report` prints with `--read-all` and without."""
