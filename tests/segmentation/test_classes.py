"""Classes: values of the files to classes and back, and refusals."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rga.errors import InputError
from rga.segmentation.datasets.classes import IGNORED, Classes, UnknownValueError, numbered, spread_colours

TWO = Classes(("road", "sky"), ((128, 64, 128), (70, 130, 180)), {7: 0, 6: 0, 23: 1, 0: IGNORED})

PAINTED = replace(TWO, values={}, colour_values={(128, 64, 128): 0, (1, 2, 3): 0, (70, 130, 180): 1, (0, 0, 0): IGNORED})


def test_values_become_classes() -> None:
    values = np.array([[7, 6, 23], [0, 7, 23]], np.uint8)
    assert TWO.decode(values).tolist() == [[0, 0, 1], [255, 0, 1]]
    assert TWO.decode(values).dtype == np.uint8


def test_an_unknown_value_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownValueError, match=r"2 pixels have values that stand for no class \(9, 200\); known values are 0, 6, 7, 23"):
        TWO.decode(np.array([[7, 9, 200]], np.uint8))


def test_classes_become_the_smallest_value_of_each() -> None:
    assert TWO.encode(np.array([[0, 1, 255]], np.uint8)).tolist() == [[6, 23, 0]]


@given(st.lists(st.integers(0, 254), min_size=1, max_size=40, unique=True), st.integers(0, 2**32 - 1))
def test_there_and_back(values: list[int], seed: int) -> None:
    classes = Classes(tuple(map(str, values)), spread_colours(len(values)), {value: index for index, value in enumerate(values)})
    labels = np.random.default_rng(seed).integers(0, len(values), (3, 5)).astype(np.uint8)
    assert (classes.decode(classes.encode(labels)) == labels).all()


def test_json_holds_them() -> None:
    for classes in (TWO, PAINTED):
        assert Classes.from_dict(json.loads(json.dumps(classes.to_dict()))) == classes
    assert "colour_values" not in TWO.to_dict()


def test_colours_become_classes_and_back() -> None:
    pixels = np.array([[[128, 64, 128], [1, 2, 3]], [[70, 130, 180], [0, 0, 0]]], np.uint8)
    assert PAINTED.decode_colours(pixels).tolist() == [[0, 0], [1, IGNORED]]
    assert PAINTED.encode(np.array([[0, 1]], np.uint8)).tolist() == [[[128, 64, 128], [70, 130, 180]]]
    with pytest.raises(UnknownValueError, match=r"1 pixels have colours that stand for no class \(#800000\); known colours are #804080"):
        PAINTED.decode_colours(np.array([[[128, 0, 0]]], np.uint8))
    shown = replace(PAINTED, colours=((9, 9, 9), (8, 8, 8)))  # overlays have colours of their own
    assert shown.encode(np.array([[0, 1]], np.uint8)).tolist() == [[[128, 64, 128], [70, 130, 180]]]
    same = replace(TWO, colours=((1, 2, 3), (1, 2, 3)))
    with pytest.raises(InputError, match="the colour #010203 stands for 'sky' and another class"):
        same.decode_colours(pixels)


def test_values_of_16_bits_become_classes_and_back() -> None:
    deep = Classes(("road", "sky"), ((128, 64, 128), (70, 130, 180)), {300: 0, 7: 1, 65535: IGNORED})
    assert deep.decode(np.array([[300, 7, 65535]], np.uint16)).tolist() == [[0, 1, IGNORED]]
    assert deep.encode(np.array([[0, 1, IGNORED]], np.uint8)).tolist() == [[300, 7, 65535]]
    with pytest.raises(UnknownValueError, match=r"stand for no class \(8, 301\)"):
        deep.decode(np.array([[301, 8]], np.uint16))
    with pytest.raises(UnknownValueError, match=r"stand for no class \(60000\)"):
        TWO.decode(np.array([[7, 60000]], np.uint16))


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"names": ["a"], "colours": [[1, 2]], "values": {}},
        {"names": ["a"], "colours": 3, "values": {"0": 0}},
        {"names": ["a"], "colours": [[1, 2, 3]], "values": {"1.5": 0}},
        {"names": ["a"], "colours": [[1, 2, 3]], "values": {"a": 1}},
        {"names": ["a"], "colours": [[1, 2, 3]], "values": {"0": 0}, "colour_values": ["#000000"]},
    ],
)
def test_what_is_stored_wrongly_is_named(stored: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="classes are stored as names, colours and values"):
        Classes.from_dict(stored)


def test_palette_and_numbers() -> None:
    assert TWO.palette[1].tolist() == [70, 130, 180]
    assert TWO.palette[2:].sum() == 0
    assert numbered(("a", "b"), spread_colours(2), ignored=(11,)).values == {0: 0, 1: 1, 11: IGNORED}


@pytest.mark.parametrize(
    ("names", "colours", "values", "message"),
    [
        ((), (), {}, "1 to 255 classes, got 0"),
        (("a", "a"), ((0, 0, 0),) * 2, {0: 0, 1: 1}, "a name of its own, got 'a'"),
        (("a", ""), ((0, 0, 0),) * 2, {0: 0, 1: 1}, "a name of its own, got an empty one"),
        (("a",), (), {0: 0}, "0 colours for 1 classes"),
        (("a",), ((0, 0, 256),), {0: 0}, "the colour of 'a' is"),
        (("a",), ((0, 0, 0),), {65536: 0}, "between 0 and 65535"),
        (("a",), ((0, 0, 0),), {0: 0, 1: 3}, r"stand for the classes \[3\], but there are 1"),
        (("a", "b"), ((0, 0, 0),) * 2, {0: 0}, "no value in the masks stands for 'b'"),
    ],
)
def test_wrong_classes_are_named(
    names: tuple[str, ...], colours: tuple[tuple[int, int, int], ...], values: dict[int, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Classes(names, colours, values)
