"""Tracks by overlap: slow boxes keep their track, numbers never repeat, gaps end a track."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rga.gallery.enrolment.boxes import Boxes
from rga.gallery.enrolment.tracks.tracker import Tracker

NOBODY = np.zeros((0, 4))


def at(*lefts: float, top: float = 0.0) -> Boxes:
    return np.array([[left, top, 30, 60] for left in lefts], dtype=np.float64).reshape(-1, 4)


@given(
    starts=st.lists(st.integers(0, 5), min_size=1, max_size=5, unique=True),
    steps=st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=1, max_size=30),
    seed=st.integers(0, 99),
)
def test_people_who_move_slowly_keep_their_tracks(starts: list[int], steps: list[tuple[float, float]], seed: int) -> None:
    """Each in a lane of its own, in an order that is shuffled in each frame."""
    rng, tracker = np.random.default_rng(seed), Tracker()
    boxes = np.array([[0, 300 * start, 30, 60] for start in starts], dtype=np.float64)
    first: dict[int, int] = {}
    for across, down in steps:
        boxes[:, :2] += (across, down)
        order = rng.permutation(len(starts))
        for person, number in zip(order.tolist(), tracker.follow(boxes[order]).tolist(), strict=True):
            assert first.setdefault(person, number) == number
    assert len({*first.values()}) == len(starts)


PLACES = st.lists(st.tuples(*[st.floats(-50, 300)] * 2, *[st.floats(1, 120)] * 2), max_size=6)


@given(st.lists(PLACES, max_size=15))
def test_numbers_never_repeat(frames: list[list[tuple[float, ...]]]) -> None:
    """Within a frame each is there once; a track that is at its end never comes back; new numbers count up."""
    tracker = Tracker(max_gap=1)
    seen: dict[int, int] = {}
    for now, frame in enumerate(frames):
        numbers = tracker.follow(np.array(frame, dtype=np.float64).reshape(-1, 4)).tolist()
        assert len({*numbers}) == len(numbers)
        new = [number for number in numbers if number not in seen]
        assert new == list(range(len(seen), len(seen) + len(new)))
        assert all(now - seen[number] <= 2 for number in numbers if number in seen)
        seen |= dict.fromkeys(numbers, now)


def test_a_person_who_is_missed_goes_on_where_expected() -> None:
    tracker = Tracker(max_gap=2)
    for left in (0, 10, 20):
        assert tracker.follow(at(left)).tolist() == [0]
    tracker.follow(NOBODY)
    tracker.follow(NOBODY)
    assert tracker.alive == {0}
    assert tracker.follow(at(50)).tolist() == [0]  # as far on as three steps


def test_a_track_ends_after_the_gap() -> None:
    tracker = Tracker(max_gap=2)
    tracker.follow(at(0))
    for _ in range(2):
        tracker.follow(NOBODY)
    assert tracker.alive == {0}
    tracker.follow(NOBODY)
    assert tracker.alive == frozenset()
    assert tracker.follow(at(0)).tolist() == [1]


def test_people_who_cross_keep_their_tracks() -> None:
    """One walks to the right, the other to the left past the first, a little below."""
    tracker = Tracker()
    numbers = [tracker.follow(np.concatenate([at(12.0 * step), at(200 - 12.0 * step, top=12)])).tolist() for step in range(16)]
    assert numbers == [[0, 1]] * 16


def test_the_largest_overlap_comes_first() -> None:
    tracker = Tracker()
    tracker.follow(at(0, 20))
    assert tracker.follow(at(18, 2)).tolist() == [1, 0]


def test_how_far_boxes_must_overlap() -> None:
    for overlap, number in ((0.3, 0), (0.9, 1)):
        tracker = Tracker(min_overlap=overlap)
        tracker.follow(at(0))
        assert tracker.follow(at(12)).tolist() == [number]
