"""Checks of the tensors that losses take, each with one clear error.

Shapes and types are checked on any device, values on the CPU alone: a look at values on a GPU would wait for it at every step.
"""

from __future__ import annotations

from torch import Tensor

from rga.errors import InputError


def check_scores(scores: Tensor, axes: tuple[str, ...]) -> None:
    """Checks a tensor of floating-point numbers.

    Args:
        scores: to check.
        axes: what its axes are, such as ``("batch", "classes")``.

    Raises:
        InputError: it is no such tensor, or has no entry.
    """
    if not isinstance(scores, Tensor) or not scores.is_floating_point():
        raise InputError(f"expected a tensor of floating-point numbers ({', '.join(axes)}), got {described(scores)}")
    if scores.dim() != len(axes) or not scores.numel():
        raise InputError(f"expected a tensor ({', '.join(axes)}), got the shape {tuple(scores.shape)}")


def check_labels(labels: Tensor, shape: tuple[int, ...], classes: int | None = None, ignored: int | None = None) -> None:
    """Checks the labels of images or pixels.

    Args:
        labels: to check.
        shape: that they must have; a negative size stands for any.
        classes: how many there are; None for labels of any value.
        ignored: a label beside those of the classes.

    Raises:
        InputError: they are not integers, of another shape, or stand for no class.
    """
    if not isinstance(labels, Tensor) or labels.is_floating_point() or labels.is_complex():
        raise InputError(f"labels must be a tensor of integers, got {described(labels)}")
    if labels.dim() != len(shape) or any(wanted not in (-1, found) for wanted, found in zip(shape, labels.shape, strict=True)):
        raise InputError(f"expected labels of the shape {shape} (-1 for any size), got {tuple(labels.shape)}")
    if classes is None or labels.device.type != "cpu" or not labels.numel():
        return
    wrong = (labels < 0) | (labels >= classes)
    if ignored is not None:
        wrong &= labels != ignored
    if wrong.any():
        beside = "" if ignored is None else f" or be {ignored}"
        raise InputError(f"labels must lie between 0 and {classes - 1}{beside}, got {int(labels[wrong][0])}")


def described(value: object) -> str:
    """What was passed, for an error."""
    return f"one of {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
