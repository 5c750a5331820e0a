from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.articles.dates import find_date, parse_date


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("2023-02-22", "2023-02-22"),
        ("2023/2/22", "2023-02-22"),
        ("22.2.2023", "2023-02-22"),
        ("22 February 2023", "2023-02-22"),
        ("22nd of Feb. 2023", "2023-02-22"),
        ("FEBRUARY 22, 2023", "2023-02-22"),
        ("Sept. 1st 2023", "2023-09-01"),
        ("Tuesday, 13 January 1931", "1931-01-13"),
        ("Published on Wed, Feb 22, 2023 at 10:30 am GMT", "2023-02-22"),
        ("Last updated: 2023-02-22T10:30:00Z", "2023-02-22"),
        ("٢٢ فبراير ٢٠٢٣", "2023-02-22"),
        ("الأربعاء 22 شباط 2023", "2023-02-22"),
        ("نشر في: 3 تشرين الثاني 2020 م", "2020-11-03"),
    ],
)
def test_a_line_that_is_a_date_is_read(line, day):
    assert parse_date(line) == day


@pytest.mark.parametrize(
    "line",
    [
        "",
        "1984",
        "31 June 2023",
        "2023-13-01",
        "The raid of 22 February 2023",
        "May 2023",
        "02/03/2023",
        "2023-02/22",
    ],
)
def test_a_line_that_is_no_date_or_may_be_two_is_not_read(line):
    assert parse_date(line) is None


def test_a_date_is_found_beside_other_words():
    assert find_date("By Helen Marsh | 22 Feb 2023, Beirut") == "2023-02-22"
    assert find_date("Sunday, 31 June or 1 July 2023") == "2023-07-01"
    assert find_date("By Helen Marsh") is None


@given(
    st.dates(min_value=date(1000, 1, 1)),
    st.sampled_from(["%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%A, %d %b %Y", "%d.%m.%Y"]),
)
def test_every_day_is_read_in_every_form(day: date, form):
    assert parse_date(day.strftime(form)) == day.isoformat()


@given(st.text())
def test_any_text_is_searched_without_an_error(text):
    assert (parse_date(text) or find_date(text)) == find_date(text)
