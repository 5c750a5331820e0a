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
        ("12. März 2023", "2023-03-12"),
        ("Veröffentlicht am Sonntag, den 12. MÄRZ 2023, 10:30 Uhr", "2023-03-12"),
        ("1. Jänner 2020", "2020-01-01"),
        ("3. Okt. 2020", "2020-10-03"),
        ("12. Ma\u0308rz 2023", "2023-03-12"),
        ("4 de mayo de 2021", "2021-05-04"),
        ("Publicado el martes, 4 de Mayo del 2021", "2021-05-04"),
        ("7 juin 2020", "2020-06-07"),
        ("1er juin 2020", "2020-06-01"),
        ("Publié le dimanche 7 juin 2020 à 14h30", "2020-06-07"),
        ("15 AOUT 2020", "2020-08-15"),
        ("1º de março de 2019", "2019-03-01"),
        ("sexta-feira, 1 de março de 2019", "2019-03-01"),
        ("1° giugno 2018", "2018-06-01"),
        ("venerdì 1 giugno 2018", "2018-06-01"),
        ("5 mei 2017", "2017-05-05"),
        ("den 3 augusti 2016", "2016-08-03"),
        ("3. desember 2016", "2016-12-03"),
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
        "31. Juni 2023",
        "12 julı 2023",
        "Mayo de 2021",
        "Der Sturm vom 12. März 2023",
    ],
)
def test_a_line_that_is_no_date_or_may_be_two_is_not_read(line):
    assert parse_date(line) is None


def test_a_date_is_found_beside_other_words():
    assert find_date("By Helen Marsh | 22 Feb 2023, Beirut") == "2023-02-22"
    assert find_date("Sunday, 31 June or 1 July 2023") == "2023-07-01"
    assert find_date("By Helen Marsh") is None
    assert find_date("Von Petra Lang, 12. März 2023") == "2023-03-12"
    assert find_date("Por Luis Pardo | 4 de mayo de 2021") == "2021-05-04"


@given(
    st.dates(min_value=date(1000, 1, 1)),
    st.sampled_from(["%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%A, %d %b %Y", "%d.%m.%Y"]),
)
def test_every_day_is_read_in_every_form(day: date, form):
    assert parse_date(day.strftime(form)) == day.isoformat()


@given(st.text())
def test_any_text_is_searched_without_an_error(text):
    assert (parse_date(text) or find_date(text)) == find_date(text)
