"""A request -> what can be offered for it: a notice, and quotes where there are any."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from qa.answer.requests.key_sentences import find_key_sentences
from qa.answer.requests.recognise import Request
from qa.answer.retriever import Retriever
from qa.index.interface import EVERYWHERE, Where, fold_words
from qa.types import NONE_CHOSEN, Answer, Article, Quote, Span

MOST_LISTED = 20
_WHAT_IT_DOES = (
    "This program answers questions with sentences of your articles, word for word. It does not "
    "write, translate or calculate."
)
_WHAT_TO_ASK = (
    "Ask in a whole sentence, such as “What was the meeting about?”. “Which articles do you have?” "
    "lists them, and “Key sentences of” with a title shows an article's most central sentences."
)


class Response(NamedTuple):
    """A notice, and quotes to show below it."""

    notice: str
    quotes: tuple[Quote, ...] = ()


def respond(
    request: Request,
    retriever: Retriever,
    last: Article | None,
    answer: Callable[[str], Answer],
    *,
    where: Where = EVERYWHERE,
) -> Response:
    """The response to a request.

    Args:
        request: as `read_request` recognised it.
        retriever: of the index with the articles.
        last: the article quoted last in the conversation.
        answer: answers a question as it is written, from the articles that `where` admits.
        where: which articles may be named and quoted.
    """
    match request.kind:
        case "greeting":
            return Response(f"Hello. {_WHAT_IT_DOES} {_WHAT_TO_ASK}")
        case "thanks":
            return Response("You are welcome. Ask whenever there is something else to find.")
        case "help":
            return Response(f"{_WHAT_IT_DOES} {_WHAT_TO_ASK}")
        case "articles":
            return Response(_list_articles(retriever, where, "These are the articles:"))
        case "title" | "date":
            return _show_header(retriever, where, request.kind, last, answer)
        case "summary":
            return _show_key_sentences(retriever, where, request.subjects, last)
        case "comparison":
            return _show_side_by_side(where, request.subjects, answer)


def _list_articles(retriever: Retriever, where: Where, lead: str) -> str:
    articles = list(islice(_admitted(retriever, where), MOST_LISTED + 1))
    if not articles and where != EVERYWHERE:
        return NONE_CHOSEN
    if not articles:
        return "There are no articles yet: add some, and build the index."
    lines = [f"- {' '.join(article.title.split())}" for article in articles[:MOST_LISTED]]
    more = ["- and more; `qa list` shows all"] if len(articles) > MOST_LISTED else []
    return "\n".join([lead, *lines, *more])


def _show_header(
    retriever: Retriever,
    where: Where,
    part: Literal["title", "date"],
    last: Article | None,
    answer: Callable[[str], Answer],
) -> Response:
    article = _find_meant(retriever, where, last)
    if article is None:
        return Response(_list_articles(retriever, where, "Several articles could be meant:"))
    if part == "date" and article.date:
        return Response(f"“{article.title}” is dated {article.date}.")
    if part == "date":
        found = answer("When was the article published?").quotes
        return Response(
            f"“{article.title}” has no date that this program can read.",
            tuple(quote for quote in found if quote.article.id == article.id),
        )
    return Response(f"The title is “{article.title}”.", _quote_title(retriever, article))


def _quote_title(retriever: Retriever, article: Article) -> tuple[Quote, ...]:
    """The heading that is an article's title, if it stands in its text."""
    start = article.text.find(article.title, article.body_start)
    if start < 0:
        return ()
    nearest = retriever.index.find_nearby(article.id, Span(start, start + 1), 1)
    return tuple(
        Quote(article, sentence.start, sentence.end, sentence.paragraph, 1.0)
        for passage in retriever.index.get_passages(nearest).values()
        for sentence in passage.sentences
        if sentence.kind == "heading" and sentence.start <= start < sentence.end
    )


def _show_key_sentences(
    retriever: Retriever, where: Where, subjects: Sequence[str], last: Article | None
) -> Response:
    article = (
        _find_article(retriever, where, subjects[0])
        if subjects
        else _find_meant(retriever, where, last)
    )
    if article is None:
        lead = "No article has that title" if subjects else "Several articles could be meant"
        return Response(
            _list_articles(
                retriever, where, f"{lead}. Say “Key sentences of” with one of these titles:"
            )
        )
    quotes = find_key_sentences(retriever.index, article)
    if not quotes:
        return Response(f"“{article.title}” has no whole sentences to show.")
    return Response(
        "This program does not write summaries. These are the most central sentences of "
        f"“{article.title}”, in its own words and order.",
        quotes,
    )


def _show_side_by_side(
    where: Where, subjects: Sequence[str], answer: Callable[[str], Answer]
) -> Response:
    quotes: list[Quote] = []
    missing: list[str] = []
    for subject in subjects:
        found = answer(f"What is said about {subject}?")
        if found.notice == NONE_CHOSEN:
            return Response(NONE_CHOSEN)
        others = (q for q in found.quotes or found.nearest if not any(map(q.overlaps, quotes)))
        best = next(others, None)
        if found.status == "off_topic" or best is None:
            missing.append(subject)
        else:
            quotes.append(best)
    notice = (
        "This program does not compare. These are the sentences that come nearest to "
        f"{' and to '.join(f'“{subject}”' for subject in subjects)}, side by side."
    )
    if missing:
        whose = "The articles" if where == EVERYWHERE else "The chosen articles"
        notice += f" {whose} do not speak of {' or '.join(f'“{name}”' for name in missing)}."
    return Response(notice, tuple(quotes))


def _admitted(retriever: Retriever, where: Where) -> Iterator[Article]:
    return (article for article in retriever.index.list_articles() if where.admits(article))


def _find_meant(retriever: Retriever, where: Where, last: Article | None) -> Article | None:
    """The article that is meant where none is named: that quoted last, or the only one; or None."""
    return last if last and where.admits(last) else _only(retriever, where)


def _only(retriever: Retriever, where: Where) -> Article | None:
    """The article, if there is exactly one; else None."""
    articles = list(islice(_admitted(retriever, where), 2))
    return articles[0] if len(articles) == 1 else None


def _find_article(retriever: Retriever, where: Where, name: str) -> Article | None:
    """The article whose title has all words of a name; the one with the shortest title, or None."""
    wanted = set(fold_words(name)) - {"the", "a", "an", "article", "on", "about"}
    hits = retriever.retrieve(name, 50, where=where)
    found = {hit.passage.article.id: hit.passage.article for hit in hits}
    titled = [a for a in found.values() if wanted and wanted <= set(fold_words(a.title))]
    return min(titled, key=lambda article: len(article.title), default=None)
