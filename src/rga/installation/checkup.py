"""All that is found out about an installation and its machine, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import rga
from rga.installation.fact import Fact, discreet
from rga.installation.galleries import galleries
from rga.installation.machine import computing, machine
from rga.installation.models import models
from rga.installation.packages import Package, packages


@dataclass(frozen=True)
class Checkup:
    """What was found.

    Attributes:
        version: of this package.
        packages: that it uses, those of its extras included.
        facts: name of a subject -> what was found out about it.
    """

    version: str
    packages: tuple[Package, ...]
    facts: dict[str, tuple[Fact, ...]]

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, each with what to do about it."""
        return tuple(discreet(each.problem) for each in self.packages if each.problem is not None)

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "rga": self.version,
            "problems": list(self.problems),
            "packages": {each.name: {name: value for name, value in asdict(each).items() if name != "name"} for each in self.packages},
            **{subject: {fact.key: fact.as_json() for fact in facts} for subject, facts in self.facts.items()},
        }


def check_up() -> Checkup:
    """Finds out all. Where a package that is needed is missing or broken, what depends on PyTorch is left out."""
    found = packages()
    whole = all(each.problem is None for each in found if each.needed)

    def if_whole(find: Callable[[], Iterable[Fact]]) -> tuple[Fact, ...]:
        return tuple(find()) if whole else ()

    facts = {
        "machine": (*machine(), *if_whole(computing)),
        "models": if_whole(models),
        "galleries": if_whole(galleries),
    }
    return Checkup(rga.__version__, found, facts)
