"""Which frames of a tracklet a network sees: T of them at once, a clip.

In training a tracklet is divided into T parts of equal length, and one frame is drawn of each (restricted random sampling, Li, Bak, Carr,
Wang, "Diversity Regularized Spatiotemporal Attention for Video-based Person Re-identification", CVPR 2018). In a test the middle frames of
the parts are taken, or all frames in several clips, or one frame alone. A tracklet with fewer than T frames has them several times, evenly.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch

from rga.errors import InputError

TestFrames = Literal["spread", "all", "one"]
"""Which frames of a tracklet are seen in a test: T evenly spread over it, all in clips of T, or the middle one alone."""

TEST_FRAMES: tuple[TestFrames, ...] = get_args(TestFrames)


def drawn_frames(count: int, frames: int) -> list[int]:
    """One frame at random of each of ``frames`` equal parts of a tracklet, by torch's generator.

    Args:
        count: frames of the tracklet.
        frames: T.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> drawn_frames(12, 4), drawn_frames(2, 4)
        ([1, 5, 6, 9], [0, 0, 1, 1])
    """
    check_frames(count)
    draws = torch.rand(frames).tolist()
    found = []
    for part, draw in enumerate(draws):
        first, last = part * count / frames, (part + 1) * count / frames
        found.append(min(count - 1, int(first + draw * (last - first)) if count >= frames else int(first)))
    return found


def spread_frames(count: int, frames: int) -> list[int]:
    """The middle frame of each of ``frames`` equal parts of a tracklet.

    Example:
        >>> spread_frames(12, 4), spread_frames(2, 4), spread_frames(5, 1)
        ([1, 4, 7, 10], [0, 0, 1, 1], [2])
    """
    check_frames(count)
    return [min(count - 1, max(0, -(-(2 * part + 1) * count // (2 * frames)) - 1)) for part in range(frames)]


def clips_of(count: int, frames: int, seen: TestFrames) -> list[list[int]]:
    """The clips of a tracklet in a test, T frames each.

    Of all frames, each is in one clip. Clips take turns, so that each is spread over the whole tracklet, as in training; those with fewer
    than T frames have some twice.

    Args:
        count: frames of the tracklet.
        frames: T.
        seen: which frames.

    Raises:
        InputError: there is no frame, or ``seen`` is none of ``TestFrames``.

    Example:
        >>> clips_of(5, 2, "all"), clips_of(5, 2, "spread"), clips_of(5, 2, "one")
        ([[0, 3], [1, 4], [2, 2]], [[1, 3]], [[2, 2]])
    """
    check_frames(count)
    if seen not in TEST_FRAMES:
        raise InputError(f"the frames of a test are one of {', '.join(TEST_FRAMES)}, got {seen!r}")
    if seen == "one":
        return [[(count - 1) // 2] * frames]
    if seen == "spread":
        return [spread_frames(count, frames)]
    clips = -(-count // frames)
    turns = [range(count)[first::clips] for first in range(clips)]
    return [[turn[position] for position in spread_frames(len(turn), frames)] for turn in turns]


def check_frames(count: int) -> None:
    """Raises an InputError for a tracklet without frames."""
    if count < 1:
        raise InputError("a tracklet needs one frame at least, and one has none: leave it out")
