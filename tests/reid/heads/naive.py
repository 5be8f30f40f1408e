"""The heads once more, written by loops from the descriptions of the papers, with the weights of a head under test."""

import torch
from torch import Tensor, nn

from rga.reid.heads.part_head import PartHead

EPS = 1e-5


def reduced(block: nn.Module, vector: Tensor) -> Tensor:
    """A vector (B, C) through a 1x1 convolution, batch normalisation in evaluation mode and ReLU."""
    kernel, mean, var, weight, bias = (
        block.state_dict()[name] for name in ("0.weight", "1.running_mean", "1.running_var", "1.weight", "1.bias")
    )
    found = torch.stack([torch.stack([(kernel[unit, :, 0, 0] * row).sum() for unit in range(len(kernel))]) for row in vector])
    normalised: Tensor = (found - mean) / (var + EPS).sqrt() * weight + bias
    return normalised.clamp(min=0)


def scored(head: PartHead, name: str, vector: Tensor) -> Tensor:
    """The logits of a part's classifier."""
    weight = head.state_dict()[f"classifiers.{name}.weight"]
    return torch.stack([torch.stack([(row * direction).sum() for direction in weight]) for row in vector])


def unit(vector: Tensor) -> Tensor:
    """Each row with length 1."""
    return vector / (vector * vector).sum(1, keepdim=True).sqrt()


def mean_of_rows(maps: Tensor, first: int, end: int) -> Tensor:
    """The mean over all positions of some rows, (B, C)."""
    total = torch.zeros(maps.shape[:2])
    for row in range(first, end):
        for column in range(maps.shape[3]):
            total = total + maps[:, :, row, column]
    return total / ((end - first) * maps.shape[3])


def maximum_of_rows(maps: Tensor, first: int, end: int) -> Tensor:
    """The maximum over all positions of some rows, (B, C)."""
    best = torch.full(maps.shape[:2], -torch.inf)
    for row in range(first, end):
        for column in range(maps.shape[3]):
            best = torch.maximum(best, maps[:, :, row, column])
    return best


Said = tuple[Tensor, Tensor, dict[str, Tensor], dict[str, Tensor]]
"""The features before and after the reduction, the features for triplets, and the logits."""


def pcb(head: PartHead, maps: list[Tensor]) -> Said:
    """Six stripes of as many rows."""
    (found,) = maps
    rows = found.shape[2] // 6
    before = [mean_of_rows(found, part * rows, (part + 1) * rows) for part in range(6)]
    after = [reduced(head.neck, vector) for vector in before]
    logits = {f"{part + 1}_of_6": scored(head, f"{part + 1}_of_6", after[part]) for part in range(6)}
    return torch.cat([unit(each) for each in before], 1), torch.cat([unit(each) for each in after], 1), {}, logits


def rpp(head: PartHead, maps: list[Tensor]) -> Said:
    """Each position belongs to each part with a probability."""
    (found,) = maps
    images, channels, height, width = found.shape
    weight = head.state_dict()["part_classifier.weight"][:, :, 0, 0]
    before = [torch.zeros(images, channels) for _ in range(6)]
    for row in range(height):
        for column in range(width):
            position = found[:, :, row, column]
            share = (position @ weight.T).softmax(1)  # (B, 6)
            for part in range(6):
                before[part] = before[part] + share[:, part, None] * position * 6 / (height * width)
    after = [reduced(head.neck, vector) for vector in before]
    logits = {f"{part + 1}_of_6": scored(head, f"{part + 1}_of_6", after[part]) for part in range(6)}
    return torch.cat([unit(each) for each in before], 1), torch.cat([unit(each) for each in after], 1), {}, logits


def mgn(head: PartHead, maps: list[Tensor]) -> Said:
    """A global branch, one of two stripes and one of three."""
    before: dict[str, Tensor] = {"whole": maps[0].amax((2, 3))}
    for branch, stripes in zip(maps[1:], (2, 3), strict=True):
        before[f"whole_of_{stripes}"] = branch.amax((2, 3))
        rows = branch.shape[2] // stripes
        for stripe in range(stripes):
            before[f"{stripe + 1}_of_{stripes}"] = maximum_of_rows(branch, stripe * rows, (stripe + 1) * rows)
    after = {name: reduced(head.neck.get_submodule(name), vector) for name, vector in before.items()}
    logits = {name: scored(head, name, (before if name.startswith("whole") else after)[name]) for name in before}
    compared = {name: after[name] for name in ("whole", "whole_of_2", "whole_of_3")}
    return torch.cat(list(before.values()), 1), torch.cat(list(after.values()), 1), compared, logits


def hpm(head: PartHead, maps: list[Tensor]) -> Said:
    """Four levels of 1, 2, 4 and 8 stripes."""
    (found,) = maps
    before: dict[str, Tensor] = {}
    for stripes in (1, 2, 4, 8):
        rows = found.shape[2] // stripes
        for stripe in range(stripes):
            first, end = stripe * rows, (stripe + 1) * rows
            before[f"{stripe + 1}_of_{stripes}"] = mean_of_rows(found, first, end) + maximum_of_rows(found, first, end)
    after = {name: reduced(head.neck.get_submodule(name), vector) for name, vector in before.items()}
    logits = {name: scored(head, name, after[name]) for name in before}
    return torch.cat(list(before.values()), 1), torch.cat(list(after.values()), 1), {}, logits


NAIVE = {"pcb": pcb, "rpp": rpp, "mgn": mgn, "hpm": hpm}
"""Name of a head -> the same by loops."""
