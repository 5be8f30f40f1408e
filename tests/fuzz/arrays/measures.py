"""Arrays for the measures of segmentation and classification, for class tables, and as images."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from fuzz.arrays import oracles
from fuzz.arrays.dressing import dressed, plain
from fuzz.arrays.ranking import close
from fuzz.outcome import Draw, FaultError, Outcome, Refused, attempt, compare, must_work, refused, right
from fuzz.small_models import CLASSES, classifier, embedder, segmenter
from rga import classification
from rga import segmentation as seg

IGNORED = 255


def segmentation(draw: Draw) -> Outcome:
    """``confusion_matrix`` and ``class_iou``, against a loop over pixels."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    classes = draw(st.integers(1, 5))
    shape = draw(st.sampled_from([(7,), (3, 4), (2, 3, 2), (0,), (1, 1)]))
    dtype = draw(st.sampled_from([np.uint8, np.int64, np.int32]))
    truth = generator.integers(0, classes, shape).astype(dtype)
    truth[generator.random(shape) < 0.2] = IGNORED
    predicted = generator.integers(0, classes, shape).astype(dtype)
    spoil = draw(st.sampled_from([None, None, None, 0, 1]))
    sides = [dressed(draw, side, spoil=spoil == number) for number, side in enumerate((truth, predicted))]
    asked = draw(st.sampled_from([classes] * 8 + [0, -1, classes - 1]))
    found = attempt(seg.confusion_matrix, sides[0].value, sides[1].value, asked)
    if isinstance(found, Refused):
        if asked == classes and all(side.fine for side in sides):
            must_work(found, "confusion_matrix")
        return refused("confusion_matrix")
    left, other = plain(sides[0].value), plain(sides[1].value)
    if left is None or other is None or left.shape != other.shape:
        raise FaultError(f"confusion_matrix takes {sides[0].value!r} and {sides[1].value!r}")
    if (left != np.rint(left)).any() or (other[left != IGNORED] != np.rint(other[left != IGNORED])).any():
        raise FaultError("confusion_matrix takes numbers that are not whole")
    wanted = oracles.confusion(left.astype(np.int64), other.astype(np.int64), asked, IGNORED)
    compare(found.tolist(), wanted.tolist(), "confusion matrix")
    iou = must_work(attempt(seg.class_iou, found), "class_iou")
    for index, value in enumerate(iou.tolist()):
        union = wanted[index].sum() + wanted[:, index].sum() - wanted[index, index]
        close(np.asarray(value), np.asarray(wanted[index, index] / union if union else np.nan), "IoU", 1e-12)
    return right("confusion_matrix: a loop over pixels")


def classification_(draw: Draw) -> Outcome:
    """``rga.classification.evaluate``, against loops."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, images = draw(st.integers(2, 8)), draw(st.integers(1, 9))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    scores = np.exp(oracles.log_softmax(generator.normal(size=(images, count)))).astype(dtype)
    if draw(st.booleans()):
        scores = np.full((images, count), 1 / count, dtype)  # ties
    labels = generator.integers(0, count, images)
    spoil = draw(st.sampled_from([None, None, None, 0, 1]))
    sides = [dressed(draw, side, spoil=spoil == number) for number, side in enumerate((scores, labels))]
    names = [f"class {index}" for index in range(draw(st.sampled_from([count] * 8 + [count - 1, count + 1, 0])))]
    found = attempt(classification.evaluate, sides[0].value, sides[1].value, names)
    if isinstance(found, Refused):
        if len(names) == count and all(side.fine for side in sides):
            must_work(found, "classification.evaluate")
        return refused("classification.evaluate")
    rows, truth = plain(sides[0].value), plain(sides[1].value)
    if rows is None or truth is None or rows.shape != (len(truth), len(names)) or (truth != np.rint(truth)).any():
        raise FaultError(f"classification.evaluate takes {sides[0].value!r} and {sides[1].value!r}")
    answers = rows.argmax(1)
    compare(found.confusion.tolist(), oracles.confusion(truth.astype(np.int64), answers, len(names)).tolist(), "confusion")
    compare(found.top1, float((answers == truth).mean()), "top-1")
    likely = np.maximum(rows[np.arange(len(truth)), truth.astype(int)], 1e-12)
    close(np.asarray(found.cross_entropy), -np.log(likely).mean(), "cross-entropy", 1e-4)
    return right("classification.evaluate: a loop over images")


def decoding(draw: Draw) -> Outcome:
    """``Classes.decode`` and ``encode``, value by value."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = generator.choice(
        [0, 7, 23, 255] if draw(st.booleans()) else [0, 7, 23, 255, 9], draw(st.sampled_from([(3, 4), (1, 1), (0, 3)]))
    )
    made = dressed(draw, values.astype(np.uint8), spoil=draw(st.sampled_from([False, False, True])))
    found = attempt(CLASSES.decode, made.value)
    strange = 9 in values
    if isinstance(found, Refused):
        if made.fine and not strange:
            must_work(found, "decode")
        return refused("Classes.decode")
    read = plain(made.value)
    if read is None or (read != np.rint(read)).any() or 9 in read:
        raise FaultError(f"decode takes {made.value!r}")
    wanted = [CLASSES.values[int(value)] for value in read.ravel()]
    compare(np.asarray(found).ravel().tolist(), wanted, "decoded")
    again = must_work(attempt(CLASSES.encode, np.asarray(found, np.uint8)), "encode")
    compare(again.ravel().tolist(), [int(value) for value in read.ravel()], "encoded")
    return right("Classes.decode: value by value")


def images(draw: Draw) -> Outcome:
    """Arrays as images, for ``embed``, ``classify`` and ``segment``: one, or many."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 20)), draw(st.integers(1, 20)), 3)
    pixels = generator.integers(0, 256, shape, dtype=np.uint8)
    spoil = draw(st.sampled_from([False, False, True]))
    if draw(st.booleans()):
        pixels = np.ascontiguousarray(pixels[..., 0])
    made = dressed(draw, pixels, spoil=spoil)
    verb = draw(st.sampled_from([embed, classify, segment]))
    alone = draw(st.sampled_from([False, False, True]))
    found = attempt(verb, made.value if alone else [made.value])
    if isinstance(found, Refused):
        if isinstance(made.value, np.ndarray) and made.fine:
            must_work(found, f"{verb.__name__} of an array of bytes")
        return refused(f"{verb.__name__} of an array that is no image")
    read = plain(made.value)
    if read is None:
        raise FaultError(f"{verb.__name__} takes {made.value!r}")
    if len(found) != 1:
        if alone and read.ndim in (1, 4) and len(found) == len(read):
            return right("many images in one array")
        raise FaultError(f"{verb.__name__} gives {len(found)} answers for one image of shape {np.shape(read)}")
    if made.fine and (isinstance(made.value, np.ndarray) or shape[0] not in (1, 3, 4)):  # channels of a tensor may come first
        wanted = verb([np.ascontiguousarray(np.broadcast_to(pixels[..., None], (*shape[:2], 3)) if pixels.ndim == 2 else pixels)])
        close(np.asarray(found[0]), np.asarray(wanted[0]), verb.__name__, 1e-6)
    elif np.ndim(read) not in (2, 3, 4):
        raise FaultError(f"{verb.__name__} takes the shape {np.shape(read)}")
    return right("an image as an array: the same bytes in plain form")


def embed(images: Any) -> NDArray[np.float32]:
    """Features."""
    return embedder().embed(images)


def classify(images: Any) -> list[list[float]]:
    """Probabilities by class."""
    return [[each.probability for each in sorted(row, key=lambda each: each.label)] for row in as_many(classifier().classify(images))]


def as_many(answers: Any) -> Any:
    """A list of answers for each image, also where one image was passed alone."""
    return answers if not answers or isinstance(answers[0], list) else [answers]


def segment(images: Any) -> list[NDArray[np.float32]]:
    """Confidence maps."""
    found = segmenter().segment(images)
    return [each.confidence for each in (found if isinstance(found, list) else [found])]
