"""Whether data have the classes of a model."""

from __future__ import annotations

from collections.abc import Sequence

from rga.errors import InputError
from rga.images.defects import examples


def check_names(found: Sequence[str], expected: Sequence[str], *, things: str, where: str) -> None:
    """Checks that data have the classes of a model, by their names and order.

    Args:
        found: names of the data.
        expected: names of the model.
        things: what is named, in the plural: ``"classes"``.
        where: what decides their order in the data, such as ``"the lines of the class file"``.

    Raises:
        InputError: they have not.
    """
    if tuple(found) == tuple(expected):
        return
    if sorted(found) == sorted(expected):
        raise InputError(
            f"the data have the model's {len(expected)} {things} in another order ({', '.join(found[:4])}, ..., the model "
            f"{', '.join(expected[:4])}, ...): bring {where} into the model's order"
        )
    lacking = [name for name in expected if name not in found]
    strange = [name for name in found if name not in expected]
    said = [f"{what} {examples(names)}" for what, names in (("lack", lacking), ("have besides", strange)) if names]
    raise InputError(
        f"the model has {len(expected)} {things} ({', '.join(expected[:4])}, ...), the data have {len(found)} "
        f"({', '.join(found[:4])}, ...); the data {' and '.join(said)}: evaluate it on the {things} that it was trained on"
    )
