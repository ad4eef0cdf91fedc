"""The deadline of a body, which moves on as bytes come, and comes near where much room is kept."""

from __future__ import annotations

from api_service.limits.body_pace import ROOM_RATE, ROOM_SECONDS, WINDOW_SECONDS, BodyPace

RATE = 4096


class Clock:
    """Time that only a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class WrittenDeadline:
    """A deadline that is never reached, only written down."""

    def __init__(self) -> None:
        self.at: float | None = None

    def reschedule(self, when: float | None) -> None:
        self.at = when

    def expired(self) -> bool:
        return False


def paced(seconds: float) -> tuple[Clock, WrittenDeadline, BodyPace]:
    clock, deadline = Clock(), WrittenDeadline()
    return clock, deadline, BodyPace(deadline, RATE, seconds, clock)


def send_steadily(clock: Clock, deadline: WrittenDeadline, pace: BodyPace) -> float:
    """Send at the least rate until the deadline is there; the seconds that this took."""
    began = clock.now
    while deadline.at is not None and clock.now < deadline.at:
        clock.now += 1
        pace.note(2 * RATE)
    return clock.now - began


def test_deadline_moves_only_when_a_window_is_full() -> None:
    clock, deadline, pace = paced(600)
    assert deadline.at == clock.now + WINDOW_SECONDS
    clock.now += 5
    pace.note(RATE)
    assert deadline.at == clock.now + WINDOW_SECONDS - 5
    pace.note(int(RATE * WINDOW_SECONDS))
    assert deadline.at == clock.now + WINDOW_SECONDS


def test_time_in_which_nothing_is_read_is_not_counted() -> None:
    clock, deadline, pace = paced(600)
    with pace.standing_still():
        assert deadline.at is None
        clock.now += 1000
    assert send_steadily(clock, deadline, pace) == 600


def test_body_that_keeps_much_room_must_come_soon() -> None:
    clock, deadline, pace = paced(600)
    pace.use_room(100 * ROOM_RATE)
    assert send_steadily(clock, deadline, pace) == ROOM_SECONDS + 100


def test_much_room_lengthens_no_deadline() -> None:
    clock, deadline, pace = paced(20)
    pace.use_room(100 * ROOM_RATE)
    assert send_steadily(clock, deadline, pace) == 20
