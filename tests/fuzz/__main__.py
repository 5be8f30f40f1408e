"""``python -m fuzz --cases 10000``: equal shares for each kind, a table, and exit code 1 where there is a fault."""

from __future__ import annotations

import argparse
import sys

import torch

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

from fuzz.campaign import repeat, run, table
from fuzz.kinds import KINDS

MEMORY = 16 * 2**30
"""Addresses that this process may have."""


def main() -> int:
    """Runs the cases that the flags ask for."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=600, help="in all, in equal shares for each kind")
    parser.add_argument("--seed", type=int, default=0, help="of the first batch of each kind")
    parser.add_argument("--kind", choices=[*KINDS, ""], default="", help="only this one; all cases are of it")
    parser.add_argument("--blob", default="", help="repeat the one case that a report names, of --kind")
    parser.add_argument("--no-shrink", action="store_true", help="report faults as they were found")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if resource is not None:  # a case that takes all memory would end the machine's other work, too
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    if chosen.blob:
        repeat(KINDS[chosen.kind], chosen.blob)
        return 0
    names = [chosen.kind] if chosen.kind else list(KINDS)
    tallies = {}
    for name in names:
        tallies[name] = run(name, KINDS[name], -(-chosen.cases // len(names)), chosen.seed, shrink=not chosen.no_shrink)
        print(f"{name}: {tallies[name].cases:,} cases, {tallies[name].faults.total()} faults", file=sys.stderr, flush=True)
        for fault, report in tallies[name].reports.items():
            print(f"\n===== {name}: {fault}, {tallies[name].faults[fault]} times\n{report}", flush=True)
    print(table(tallies))
    return int(any(tally.faults for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
