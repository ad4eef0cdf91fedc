"""Dates in every way that lists write them, and which of day and month comes first."""

from __future__ import annotations

import contextlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_service.lists.values.cells import YEARS
from api_service.lists.values.dates import DateOrder, date_reader, find_order

DAY, MONTH = DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST


@pytest.mark.parametrize(
    "cell",
    [
        "2020-02-29",
        " 2020-02-29 ",
        "2020-02-29T20:15:00Z",
        "2020-02-29 20:15:00",
        "2020/2/29",
        "2020. 02. 29.",
        "Sat Feb 29 08:36:35 2020",
        "Sat Feb 29 2020 21:10:00 GMT+0100 (CET)",
        "Sat, 29 Feb 2020 21:10:00 GMT",
        "29 February 2020",
        "February 29th, 2020",
        "29-Feb-20",
        "Feb 29 2020, 21:54",
        "29. Februar 2020",
        "29 février 2020",
        "29 de febrero de 2020",
        "29 февраля 2020",
        "2020年2月29日",
        "1582934400",
        "1582934400000",
    ],
)
@pytest.mark.parametrize("order", [None, DAY, MONTH])
def test_date_that_says_what_is_what_is_read(cell: str, order: DateOrder | None) -> None:
    assert date_reader(order)(cell) == date(2020, 2, 29)


@pytest.mark.parametrize("cell", ["3/4/20", "03/04/2020", "03.04.2020", "03-04-20", "3. 4. 2020"])
def test_order_decides_between_day_and_month(cell: str) -> None:
    assert date_reader(DAY)(cell) == date(2020, 4, 3)
    assert date_reader(MONTH)(cell) == date(2020, 3, 4)
    with pytest.raises(ValueError, match="nothing in the file tells which"):
        date_reader(None)(cell)


def test_day_that_is_its_month_needs_no_order() -> None:
    assert date_reader(None)("04/04/2020") == date(2020, 4, 4)


@pytest.mark.parametrize(
    "cell",
    ["2021-02-29", "2020-W01-1", "20200229", "0001-01-01", "yesterday", "13/13/2020", "٣/٤/٢٠"],
)
def test_what_is_no_date_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="YYYY-MM-DD"):
        date_reader(DAY)(cell)


def test_blank_cell_is_no_date() -> None:
    assert date_reader(None)(" ") is None


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["1/2/20", "31/1/20"], DAY),
        (["1/2/20", "1/31/20"], MONTH),
        (["31/1/20", "1/31/20"], None),
        (["2020-01-31", "x", ""], None),
        (["01.02.20"], DAY),
        (["1/2/20", "2/1/20"], None),
        # Newest first: 12 March, 3 February, 11 January, …; as months these would jump about.
        (["12/3/20", "3/2/20", "11/1/20", "2/12/19", "9/11/19"], DAY),
        (["3/12/20", "2/3/20", "1/11/20", "12/2/19", "11/9/19"], MONTH),
        (["12/3/20", "3/2/20", "11/1/20"], None),  # three are soon sorted by chance
    ],
)
def test_whole_file_tells_the_order(cells: list[str], order: DateOrder | None) -> None:
    assert find_order(cells) is order


@given(st.lists(st.dates(date(1970, 1, 1), date(2060, 1, 1))), st.sampled_from(DateOrder))
def test_order_that_is_found_is_the_right_one(days: list[date], order: DateOrder) -> None:
    pattern = "%d/%m/%y" if order is DAY else "%m/%d/%y"
    cells = [day.strftime(pattern) for day in days]
    found = find_order(cells)
    if any(day.day > 12 for day in days):
        assert found is order
        assert [date_reader(found)(cell) for cell in cells] == days


@given(st.text() | st.from_regex(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}"))
def test_any_text_is_a_date_or_refused(text: str) -> None:
    for order in (None, *DateOrder):
        with contextlib.suppress(ValueError):
            day = date_reader(order)(text)
            assert day is None or day.year in YEARS
