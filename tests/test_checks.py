"""Checks of arguments: one clear error, or none."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from rga.checks import check_at_least, check_range, nearest, read_value
from rga.errors import InputError
from rga.segmentation.inference import Inference
from rga.training.input.reading import read_batches


@dataclass
class Group:
    count: float = 1
    share: float = 0.5


def test_ranges_have_their_bounds() -> None:
    check_range(Group(count=1, share=0), ("count",), 1)
    check_range(Group(share=0), ("share",), 0, 1)
    check_range(Group(share=1), ("share",), 0, 1)


@pytest.mark.parametrize("wrong", [0.9, -math.inf, math.nan])
def test_a_value_below_is_named_with_its_bound(wrong: float) -> None:
    with pytest.raises(InputError, match=f"^count must be at least 1, got {wrong}$"):
        check_range(Group(count=wrong, share=2), ("share", "count"), 1)


@pytest.mark.parametrize("wrong", [-0.1, 1.1, math.inf, math.nan])
def test_a_value_outside_is_named_with_both_bounds(wrong: float) -> None:
    with pytest.raises(InputError, match=f"^share must lie between 0 and 1, got {wrong}$"):
        check_range(Group(share=wrong), ("count", "share"), 0, 1)


@pytest.mark.parametrize("wrong", ["3", None, (1, 2)])
def test_what_is_no_number_is_named(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"^count must be a number, got ('3'|None|\(1, 2\))$"):
        check_range(Group(count=wrong), ("count",), 1)


def test_an_unknown_name_is_answered_with_the_nearest_one_or_all() -> None:
    known = iter(["market1501", "msmt17", "folder"])
    assert nearest("market", known) == ": did you mean market1501?"
    assert nearest("xyz", ["market1501", "folder"]) == ": choose one of market1501, folder"


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (int, "3", 3),
        (float, 2, 2.0),
        (bool, "true", True),
        (tuple[int, int], [3, 4], (3, 4)),
        (tuple[str, ...], [], ()),
        (float | None, None, None),
        (float | None, "0.3", 0.3),
        (Literal["a", "b"], "b", "b"),
    ],
)
def test_values_get_their_types(kind: Any, value: Any, expected: Any) -> None:
    found = read_value(kind, value, "field")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (int, "3.5", "field is '3.5': Input should be a valid integer"),
        (int, 3.5, "field is 3.5: Input should be a valid integer"),
        (float, "fast", "field is 'fast': Input should be a valid number"),
        (str, 3, "field is 3: Input should be a valid string"),
        (tuple[int, int], [3], r"field is \[3\]: "),
        (Literal["a", "b"], "c", "field is 'c': Input should be 'a' or 'b'"),
    ],
)
def test_other_values_are_named(kind: Any, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_value(kind, value, "field")


def test_options_below_a_bound_are_named_as_flags() -> None:
    check_at_least(0, seed=0, num_workers=2)
    with pytest.raises(InputError, match=r"^num-workers must be at least 0, got -1$"):
        check_at_least(0, seed=0, num_workers=-1)


def test_mistyped_numbers_do_not_take_all_memory() -> None:
    with pytest.raises(InputError, match="batch-size must be at most"):
        check_at_least(1, batch_size=10**20)
    with pytest.raises(InputError, match="scales are one or more positive numbers, up to 16"):
        Inference(scales=(float("inf"),))
    with pytest.raises(InputError, match=r"a window is .* up to 16384"):
        Inference((10**9, 10**9))
    with pytest.raises(InputError, match="num-workers must lie between 0 and"):
        list(read_batches([1, 2, 3], 2, 10**20))  # type: ignore[arg-type]
