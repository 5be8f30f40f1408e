"""Which frames are seen: drawn in training, spread, all or one in a test, and repeated evenly where there are too few."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rga.errors import InputError
from rga.reid.video.frames import TEST_FRAMES, clips_of, drawn_frames, spread_frames

COUNTS, FRAMES = st.integers(1, 40), st.integers(1, 12)


@given(count=COUNTS, frames=FRAMES, seed=st.integers(0, 999))
def test_one_frame_is_drawn_of_each_part(count: int, frames: int, seed: int) -> None:
    torch.manual_seed(seed)
    drawn = drawn_frames(count, frames)
    assert drawn == sorted(drawn)
    assert len(drawn) == frames
    for part, frame in enumerate(drawn):
        first, last = part * count / frames, (part + 1) * count / frames
        assert int(first) <= frame <= last
        assert 0 <= frame < count
    if count <= frames:
        assert sorted(set(drawn)) == list(range(count))
        times = [drawn.count(frame) for frame in range(count)]
        assert max(times) - min(times) <= 1


def test_every_frame_of_a_part_is_drawn_as_often_as_the_others() -> None:
    draws = torch.tensor([drawn_frames(12, 3) for _ in range(1200)])
    for part in range(3):
        counts = torch.bincount(draws[:, part], minlength=12)
        assert counts.nonzero().flatten().tolist() == list(range(4 * part, 4 * part + 4))
        assert (counts[4 * part : 4 * part + 4] > 230).all()


@given(count=COUNTS, frames=FRAMES)
def test_spread_frames_are_the_middles_of_the_parts(count: int, frames: int) -> None:
    spread = spread_frames(count, frames)
    assert spread == sorted(spread)
    for part, frame in enumerate(spread):
        middle = (part + 0.5) * count / frames  # frame f lies from f to f + 1
        assert frame <= middle <= frame + 1
    if count <= frames:
        times = [spread.count(frame) for frame in range(count)]
        assert min(times) >= 1
        assert max(times) - min(times) <= 1


@given(count=COUNTS, frames=FRAMES)
def test_all_frames_are_in_one_clip_each(count: int, frames: int) -> None:
    clips = clips_of(count, frames, "all")
    assert {len(clip) for clip in clips} == {frames}
    assert len(clips) == -(-count // frames)
    owners = [{number for number, clip in enumerate(clips) if frame in clip} for frame in range(count)]
    assert all(len(own) == 1 for own in owners)


def test_one_frame_is_the_middle_one() -> None:
    assert clips_of(7, 4, "one") == [[3, 3, 3, 3]]
    assert clips_of(6, 1, "one") == [[2]]
    assert clips_of(1, 3, "spread") == [[0, 0, 0]]


def test_wrong_choices_are_refused() -> None:
    for seen in TEST_FRAMES:
        with pytest.raises(InputError, match="a tracklet needs one frame at least"):
            clips_of(0, 4, seen)
    for function in (drawn_frames, spread_frames):
        with pytest.raises(InputError, match="a tracklet needs one frame at least"):
            function(0, 4)
    with pytest.raises(InputError, match="the frames of a test are one of spread, all, one, got 'most'"):
        clips_of(3, 4, "most")  # type: ignore[arg-type]
