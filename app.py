"""The page in a browser: `python app.py` builds the index from `index/articles` on first start,
then opens it.
"""

import os

from qa.cli.shell import show_progress
from qa.errors import QAError
from qa.page import make_page, open_page
from qa.page.service import Service

service = Service(
    os.environ.get("QA_ARTICLES", "index/articles"), os.environ.get("QA_INDEX", "index")
)
demo = make_page(service)

if __name__ == "__main__":
    try:
        with show_progress() as progress:
            service.prepare(progress)
        open_page(demo)
    except QAError as error:
        raise SystemExit(f"Error: {error}") from None
