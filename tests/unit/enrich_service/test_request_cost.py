"""What films take of the budget, as lately seen."""

from __future__ import annotations

import pytest

from enrich_service.scheduling.request_cost import MEMORY_FILMS, RequestCostEstimator


def films(spending: RequestCostEstimator, count: int, requests: int) -> None:
    for _ in range(count):
        spending.observe_requests(requests)
        spending.observe_lookup()


def test_nothing_is_said_before_a_film_has_ended() -> None:
    spending = RequestCostEstimator()
    spending.observe_requests(3)
    assert spending.requests_per_film is None


def test_films_that_all_take_the_same_take_that() -> None:
    spending = RequestCostEstimator()
    films(spending, 500, 2)
    assert spending.requests_per_film == pytest.approx(2, rel=0.05)


def test_a_list_of_another_kind_is_soon_followed() -> None:
    spending = RequestCostEstimator()
    films(spending, 500, 5)
    films(spending, 2 * MEMORY_FILMS, 1)
    assert spending.requests_per_film is not None
    assert 1 <= spending.requests_per_film < 1.7


def test_requests_that_led_to_nothing_are_spent_all_the_same() -> None:
    spending = RequestCostEstimator()
    films(spending, 500, 2)
    before = spending.requests_per_film
    spending.observe_requests(30)
    films(spending, 1, 2)
    assert before is not None
    assert spending.requests_per_film is not None
    assert spending.requests_per_film > before + 0.5
