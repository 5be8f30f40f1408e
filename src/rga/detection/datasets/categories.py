"""The categories of a detection dataset: their names, and the numbers that stand for them in its files, which may have gaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rga.errors import InputError


@dataclass(frozen=True)
class Categories:
    """What is detected.

    Attributes:
        names: of the categories, in the order of their numbers.
        ids: the numbers in the files, ascending; COCO's 80 lie between 1 and 90.

    Raises:
        InputError: there is none, a name is empty or there twice, or the numbers do not ascend.
    """

    names: tuple[str, ...]
    ids: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.names:
            raise InputError("a dataset has one category at least, got none")
        doubled = sorted({name for name in self.names if self.names.count(name) > 1})
        if doubled or not all(self.names):
            raise InputError(f"every category needs a name of its own, got {', '.join(map(repr, doubled)) or 'an empty one'}")
        if len(self.ids) != len(self.names) or list(self.ids) != sorted(set(self.ids)):
            raise InputError(f"every category needs a number of its own, in ascending order, got {self.ids} for {len(self.names)}")

    def __len__(self) -> int:
        """How many categories."""
        return len(self.names)

    def to_dict(self) -> dict[str, Any]:
        """The categories as JSON can hold them."""
        return {"names": list(self.names), "ids": list(self.ids)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Categories:
        """The categories of ``to_dict``.

        Raises:
            InputError: something is missing or wrong.
        """
        try:
            return cls(tuple(map(str, stored["names"])), tuple(map(int, stored["ids"])))
        except InputError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"categories are stored as names and ids; got {stored!r} ({error!r})") from error
