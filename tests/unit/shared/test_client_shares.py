"""The rule of turns, played through: a client has four shares, however many lists it has.

A model of what `shared/sql/turn_grants.py` says in SQL: a list begins after the clock's time or,
where its client has four grants or more that end later, after the fourth largest of their ends.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from shared.sql.turn_grants import SHARES


class Queue:
    """Films in the order of their turns."""

    def __init__(self) -> None:
        self.clock = 0
        self.turns: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._ends: defaultdict[str, list[int]] = defaultdict(list)
        self._films: list[tuple[int, int, str, int]] = []
        self._ids = itertools.count()
        self._lists = 0

    def upload(self, client: str, films: int) -> int:
        """Queue a list; its number."""
        later = sorted((end for end in self._ends[client] if end > self.clock), reverse=True)
        base = later[SHARES - 1] if len(later) >= SHARES else self.clock
        self._ends[client].append(base + films)
        self._lists += 1
        for place in range(1, films + 1):
            self.turns[client][base + place] += 1
            heapq.heappush(self._films, (base + place, next(self._ids), client, self._lists))
        return self._lists

    def claim(self) -> tuple[str, int] | None:
        """Claim the next film; whose it is, and of which list."""
        if not self._films:
            return None
        turn, _, client, number = heapq.heappop(self._films)
        self.clock = max(self.clock, turn)
        return client, number

    def claim_all_of(self, number: int, films: int) -> Counter[str]:
        """Claim until so many films of a list have been; how many that took of each client."""
        claimed: Counter[str] = Counter()
        while films and (film := self.claim()):
            claimed[film[0]] += 1
            films -= film[1] == number
        return claimed


def test_a_short_list_beside_400_lists_takes_three_times_as_long_at_most() -> None:
    times = []
    for lists, films in ((1, 40_000), (400, 100)):
        queue = Queue()
        for _ in range(lists):
            queue.upload("many", films)
        for _ in range(1_000):
            queue.claim()
        times.append(queue.claim_all_of(queue.upload("one", 20), 20).total())
    beside_one, beside_many = times
    assert beside_many <= 3 * beside_one


def test_ten_clients_of_which_one_has_50_sessions_advance_fairly() -> None:
    queue = Queue()
    for _ in range(50):
        queue.upload("many", 100)
    nine = [queue.upload(f"client {number}", 100) for number in range(9)]
    claimed = queue.claim_all_of(nine[0], 100)
    progress = [claimed[f"client {number}"] for number in range(9)]
    assert max(progress) <= 1.5 * min(progress)
    assert claimed["many"] <= SHARES * max(progress)


uploads = st.tuples(st.sampled_from("abc"), st.integers(1, 30), st.integers(0, 40))
"""A client, the films of a list, and how many films are claimed after it."""


@given(st.lists(uploads, max_size=40), st.integers(1, 30))
def test_no_turn_has_more_than_four_films_of_a_client(
    before: list[tuple[str, int, int]], films: int
) -> None:
    queue = Queue()
    for client, count, claims in before:
        queue.upload(client, count)
        for _ in range(claims):
            queue.claim()
    claimed = queue.claim_all_of(queue.upload("newcomer", films), films)
    assert all(max(turns.values()) <= SHARES for turns in queue.turns.values())
    # What is left of the turn at which the clock stands comes first.
    assert all(claimed[client] <= SHARES * (films + 1) for client in "abc")
