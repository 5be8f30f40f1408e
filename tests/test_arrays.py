"""Arrays and tensors from callers: what they hold is read, and anything else is refused with its name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import rga
from rga import classification, reid, segmentation
from rga.arrays import check_count, read_array, read_integers
from rga.errors import InputError
from rga.reid.losses import batch_hard_triplet, smoothed_cross_entropy
from rga.segmentation.losses import hard_cross_entropy, pixel_cross_entropy

NUMBERS = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize(
    "values",
    [
        NUMBERS,
        NUMBERS.tolist(),
        NUMBERS.astype(">f4"),
        np.repeat(NUMBERS, 2, 0)[::2],
        NUMBERS[::-1].copy()[::-1],
        torch.from_numpy(NUMBERS).requires_grad_(),
        torch.from_numpy(NUMBERS).bfloat16(),
        torch.from_numpy(NUMBERS).mT.contiguous().mT,
    ],
)
def test_numbers_in_any_form_are_read(values: Any) -> None:
    array = read_array(values, "numbers")
    assert array.dtype.isnative
    np.testing.assert_array_equal(array, NUMBERS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (None, "numbers: an array of numbers was expected, got NoneType"),
        (["a"], "an array of numbers was expected, got <U1"),
        ([[1], [1, 2]], "an array was expected, got list"),
        (np.ma.masked_array([1.0], mask=[True]), "a masked array"),
        (torch.zeros(2, 2).to_sparse(), "a dense tensor was expected, got one of sparse_coo layout"),
        (torch.zeros(2, device="meta"), "without values, on the meta device"),
    ],
)
def test_what_holds_no_numbers_is_refused(values: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_array(values, "numbers")


def test_integers_are_never_made_of_other_numbers() -> None:
    assert read_integers(np.array([1, 2], ">u2"), "labels").tolist() == [1, 2]
    with pytest.raises(InputError, match="labels must be integers, got float64"):
        read_integers([1.0], "labels")
    with pytest.raises(InputError, match="labels must be integers of 64 bits with a sign, got 18446744073709551615"):
        read_integers(np.array([2**64 - 1], np.uint64), "labels")  # -1 for numpy, which is junk in a gallery
    for wrong in (True, 1.5, "3", None):
        with pytest.raises(InputError, match="k1 must be a whole number"):
            check_count("k1", wrong)


def test_features_and_distances_in_any_byte_order_and_layout() -> None:
    generator = np.random.default_rng(0)
    query, gallery, ids = generator.normal(size=(1, 4)), generator.normal(size=(5, 4)), [1, 2, 1, 2, 3]
    expected = reid.evaluate(query, [1], None, gallery, ids, None).to_dict()
    assert reid.evaluate(query.astype(">f8"), [1], None, gallery[::-1].copy()[::-1], ids, None).to_dict() == expected
    assert reid.evaluate(query[::-1], [1], None, gallery.tolist(), np.array(ids, ">i4"), None).to_dict() == expected


REFUSED: list[tuple[str, Any]] = [
    ("distances are an array", lambda: reid.evaluate_distances(None, [1], None, [1], None)),  # type: ignore[arg-type]
    ("query features: a masked", lambda: reid.row_distances(np.ma.masked_array(np.ones((1, 2)), mask=True), np.ones((1, 2)))),
    ("query features: a dense tensor", lambda: reid.row_distances(torch.ones(1, 2).to_sparse(), torch.ones(1, 2))),
    ("query features must be floating-point", lambda: reid.rerank(np.ones((1, 2), np.longdouble), np.ones((1, 2)))),
    ("query features: an array of numbers", lambda: reid.rerank(None, np.ones((1, 2)))),  # type: ignore[arg-type]
    ("k1 must be a whole number", lambda: reid.rerank(np.ones((1, 2)), np.ones((1, 2)), k1=2.5)),  # type: ignore[arg-type]
    ("lambda_ must lie between", lambda: reid.rerank(np.ones((1, 2)), np.ones((1, 2)), lambda_="x")),  # type: ignore[arg-type]
    ("unknown metric", lambda: reid.row_distances(np.ones((1, 2)), np.ones((1, 2)), ["cosine"])),  # type: ignore[arg-type]
    ("query identities must be integers", lambda: reid.split_identities(torch.ones(3))),
    ("query identities must be integers", lambda: reid.split_identities(None)),  # type: ignore[arg-type]
    ("the mask must be integers", lambda: segmentation.confusion_matrix(np.zeros(2), np.zeros(2, int), 2)),  # type: ignore[arg-type]
    ("a confusion matrix is square", lambda: segmentation.class_iou(np.zeros((2, 3), int))),
    ("probabilities must be floating", lambda: classification.evaluate(np.eye(2, dtype=int), np.array([0, 1]), ["a", "b"])),
    ("labels must lie between 0 and 1, got 7", lambda: smoothed_cross_entropy(torch.rand(2, 2), torch.tensor([0, 7]))),
    ("label_smoothing must lie", lambda: smoothed_cross_entropy(torch.rand(2, 2), torch.tensor([0, 1]), float("nan"))),
    ("got the shape .0, 2.", lambda: smoothed_cross_entropy(torch.rand(0, 2), torch.zeros(0, dtype=torch.long))),
    ("a tensor was expected, got ndarray", lambda: batch_hard_triplet(np.ones((2, 2)), [0, 1])),  # type: ignore[arg-type]
    ("expected labels of the shape", lambda: batch_hard_triplet(torch.rand(3, 2), torch.tensor([0, 1]))),
    ("labels must lie between 0 and 1 or be 255", lambda: pixel_cross_entropy(torch.rand(1, 2, 1, 1), torch.tensor([[[2]]]))),
    ("threshold must be above 0", lambda: hard_cross_entropy(torch.rand(1, 2, 1, 1), torch.tensor([[[1]]]), threshold=0.0)),
    ("channels must be a whole number", lambda: rga.create_attention("se", 8.0)),  # type: ignore[arg-type]
    ("reduction must be a whole number", lambda: rga.create_attention("se", 8, reduction=2.5)),
    ("dense must be True or False", lambda: rga.create_attention("rga-s", 8, (2, 2), dense="no")),
    (
        "a tensor of floating-point numbers, got torch.int64",
        lambda: rga.create_attention("se", 8)(torch.ones(1, 8, 2, 2, dtype=torch.long)),
    ),
    ("a map with positions, got none", lambda: rga.create_attention("timm:lcbam", 8)(torch.ones(1, 8, 0, 2))),
    ("the network does not take an input", lambda: rga.cost(torch.nn.Conv2d(3, 8, 3), (1, 1, 9, 9))),
    ("shape is that of the input", lambda: rga.cost(torch.nn.Conv2d(3, 8, 3), "1")),  # type: ignore[arg-type]
    ("a state dict was expected", lambda: rga.from_reference(None)),  # type: ignore[arg-type]
    ("maps names to tensors", lambda: rga.to_reference({"a": 1})),  # type: ignore[dict-item]
]
"""What errors say, and calls with an argument that is none."""


@pytest.mark.parametrize(("message", "call"), REFUSED)
def test_public_functions_refuse_what_is_no_such_array(message: str, call: Any) -> None:
    with pytest.raises(InputError, match=message):
        call()
