"""Tensors for the losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

from fuzz.arrays import oracles
from fuzz.arrays.dressing import plain
from fuzz.arrays.ranking import close
from fuzz.outcome import Draw, FaultError, Outcome, Refused, attempt, must_work, refused, right
from rga.reid.losses import batch_hard_triplet, smoothed_cross_entropy
from rga.segmentation.losses import hard_cross_entropy, pixel_cross_entropy

IGNORED = 255

SPOILS = ("none", "none", "none", "labels too large", "labels negative", "labels short", "labels floating", "one axis more", "no rows")


def spoil_labels(draw: Draw, scores: torch.Tensor, labels: torch.Tensor) -> tuple[str, torch.Tensor, torch.Tensor]:
    """What is wrong, and the arguments with it."""
    how = draw(st.sampled_from(SPOILS))
    changed = labels.clone()
    if how == "labels too large" and len(changed):
        changed.view(-1)[0] = 200
    elif how == "labels negative" and len(changed):
        changed.view(-1)[-1] = -3
    elif how == "labels short":
        changed = changed[:-1]
    elif how == "labels floating":
        changed = changed.double()
    elif how == "one axis more":
        scores = scores[None]
    elif how == "no rows":
        scores, changed = scores[:0], changed[:0]
    return how, scores, changed


def layout(draw: Draw, tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers, in another layout."""
    how = draw(st.sampled_from(["plain", "strided", "transposed", "gradient"]))
    if how == "strided":
        return tensor.repeat_interleave(2, 0)[::2]
    if how == "transposed":
        return tensor.transpose(0, -1).contiguous().transpose(0, -1)
    return tensor.clone().requires_grad_() if how == "gradient" else tensor


def cross_entropy(draw: Draw) -> Outcome:
    """``smoothed_cross_entropy``, against a loop."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    images, classes = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    logits = torch.from_numpy(generator.normal(size=(images, classes)) * 5).to(draw(st.sampled_from([torch.float32, torch.float64])))
    how, scores, labels = spoil_labels(draw, logits, torch.from_numpy(generator.integers(0, classes, images)))
    smoothing = draw(st.sampled_from([0.0, 0.1, 1.0, 0.1, -0.5, 2.0, float("nan")]))
    found = attempt(smoothed_cross_entropy, layout(draw, scores), labels, smoothing)
    if isinstance(found, Refused):
        if how == "none" and 0 <= smoothing <= 1:
            must_work(found, "smoothed_cross_entropy")
        return refused("smoothed_cross_entropy")
    if how != "none" or not 0 <= smoothing <= 1:
        raise FaultError(f"smoothed_cross_entropy takes {how} with smoothing {smoothing}: {found}")
    close(
        np.asarray(found.item()),
        np.asarray(oracles.smoothed_cross_entropy(doubles(scores), doubles(labels).astype(int), smoothing)),
        "loss",
    )
    return right("smoothed_cross_entropy: a loop")


def triplet(draw: Draw) -> Outcome:
    """``batch_hard_triplet``, against a loop."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    images, width = draw(st.integers(1, 8)), draw(st.integers(1, 5))
    features = torch.from_numpy(generator.normal(size=(images, width))).to(draw(st.sampled_from([torch.float32, torch.float64])))
    labels = torch.from_numpy(generator.integers(0, 4, images))
    how, features, labels = spoil_labels(draw, features, labels)
    margin = draw(st.sampled_from([0.3, None, 0.0, 1.0]))
    found = attempt(batch_hard_triplet, layout(draw, features), labels, margin)
    broken = how in ("labels short", "one axis more", "no rows")
    wanted = None if broken else oracles.batch_hard_triplet(doubles(features), doubles(labels).astype(int), margin)
    if isinstance(found, Refused):
        if wanted is not None and how not in ("labels floating", "labels negative"):
            must_work(found, "batch_hard_triplet")
        return refused("batch_hard_triplet")
    if wanted is None:
        raise FaultError(f"batch_hard_triplet takes {how}: {found}")
    close(np.asarray(found.item()), np.asarray(wanted), "triplet loss", 2e-3)
    return right("batch_hard_triplet: a loop")


def pixels(draw: Draw) -> Outcome:
    """``pixel_cross_entropy`` and ``hard_cross_entropy`` at the resolution of the labels, against a loop."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    batch, classes = draw(st.integers(1, 2)), draw(st.integers(1, 4))
    size = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    logits = torch.from_numpy(generator.normal(size=(batch, classes, *size)) * 3).float()
    truth = torch.from_numpy(generator.integers(0, classes, (batch, *size)))
    truth[torch.from_numpy(generator.random((batch, *size)) < draw(st.sampled_from([0.0, 0.3, 1.0])))] = IGNORED
    how, scores, labels = spoil_labels(draw, logits, truth)
    hard, threshold, keep = (
        draw(st.booleans()),
        draw(st.sampled_from([0.7, 0.1, 1.0, 0.0, -1.0, 2.0])),
        draw(st.sampled_from([1, 5, 1000, 0, -1])),
    )
    loss: Any = (lambda a, b: hard_cross_entropy(a, b, threshold, keep)) if hard else pixel_cross_entropy
    found = attempt(loss, layout(draw, scores), labels)
    fine_numbers = not hard or (0 < threshold <= 1 and keep >= 0)
    if isinstance(found, Refused):
        if how == "none" and fine_numbers and scores.numel():
            must_work(found, "a loss of pixels")
        return refused("a loss of pixels")
    if how != "none" or not fine_numbers:
        raise FaultError(f"a loss of pixels takes {how}, threshold {threshold}, keep {keep}, hard {hard}: {found}")
    rows = oracles.log_softmax(doubles(scores).transpose(0, 2, 3, 1)).reshape(-1, classes)
    losses = sorted(-row[label] for row, label in zip(rows, doubles(labels).astype(int).ravel(), strict=True) if label != IGNORED)
    if hard:
        over = [each for each in losses if each > -np.log(threshold)]
        losses = over if len(over) >= keep else losses[max(0, len(losses) - keep) :]
    close(np.asarray(found.item()), np.asarray(np.mean(losses) if losses else 0.0), "loss of pixels", 1e-3)
    return right("a loss of pixels: a loop")


def doubles(tensor: torch.Tensor) -> Any:
    """As numbers of numpy."""
    found = plain(tensor)
    assert found is not None
    return found
