"""A small part of the cases, always the same ones; ``make fuzz`` runs the rest."""

import pytest

from fuzz.campaign import run
from fuzz.kinds import KINDS

CASES = {"images": 50, "trees": 45, "class-tables": 50, "models": 20, "commands": 10, "arrays": 60}
"""Kind -> how many; a case of some kinds takes longer."""

LEAST_RIGHT = 0.25
"""The share of the cases of each kind that an oracle has to agree with: a fuzz of errors alone would test nothing else."""


@pytest.mark.parametrize("name", KINDS)
def test_each_case_gives_the_right_result_or_one_clear_error(name: str) -> None:
    tally = run(name, KINDS[name], CASES[name], start=0)
    assert not tally.faults, "\n".join(tally.reports.values())
    assert tally.right.total() >= LEAST_RIGHT * tally.cases
