"""Which one-line faults the tests notice: draws mutants of the source, runs for each the tests concerned, and lists those that survive.

    python benchmarks/mutation/run.py --count 300 --seed 0 -o runs/mutants
    python benchmarks/mutation/run.py --count 50 --files 'rga/reid/*' -o runs/mutants         # what was changed
    python benchmarks/mutation/run.py --again runs/mutants/mutants-0.json -o runs/mutants     # its survivors only, after new tests

``operators.py`` says what a mutant is. They are drawn from the recipes, the tasks, the datasets and the commands: a line, then one of its
mutants. Each test file first runs once, in a process of its own, and ``tests.json`` notes the seconds of each test and the lines that it
runs; a later call runs those files only that have changed, or whose source has. Each mutant then meets the tests that run its statement
until one fails. A mutant of what is read when a module is imported (a default value, a field, a table) meets the tests of its module, and
those that run a line with its name. Slow tests and doctests are left out, and so are the slowest tests of a mutant where all together take
more than ``--budget`` seconds: what only they would notice counts as survived. A mutant that hangs counts as killed.

``--controls`` runs have unchanged source and must pass: they show that tests fail because of the mutants.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from children import ROOT, Workshop
from explained import EXPLAINED
from lines import Selection, gather
from operators import Mutant, compiles, mutants, shorten

SCOPE: tuple[str, ...] = (
    "reid",
    "segmentation",
    "classification",
    "datasets",
    "cli",
    "recipes.py",
    "tasks.py",
    "runs.py",
    "evaluations.py",
)
SCOPE += ("backbones/recipe.py", "training/recipe.py", "training/image_training.py", "training/optimization.py", "training/schedules.py")
"""What mutants are drawn from, below the package."""
TESTS = (
    "reid",
    "segmentation",
    "classification",
    "datasets",
    "cli",
    "training",
    "backbones",
    "storage",
    "images",
    "reports",
    "synthetic",
    "",
)
"""Folders of tests that run it; "" stands for the files at the top of ``tests/``."""


ALIVE = ("survived", "no test")
"""Outcomes of mutants that nothing noticed."""


class First:
    """A plugin of pytest that runs the chosen tests only, in their order, and writes the first that fails."""

    def __init__(self, names: Sequence[str], answer: Path) -> None:
        self.order = {name: index for index, name in enumerate(names)}
        self.answer = answer

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keeps and sorts."""
        items[:] = sorted((each for each in items if each.nodeid in self.order), key=lambda each: self.order[each.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The test that noticed."""
        if report.failed and not self.answer.exists():
            self.answer.write_text(report.nodeid)


def draw(source: Path, count: int, seed: int, patterns: Sequence[str] = ("*",)) -> list[Mutant]:
    """Mutants of the scope: lines at random, and of each line one mutant; of files such as ``rga/reid/*`` only if these are named."""
    files = sorted(path for each in SCOPE for path in (source / "rga").glob(f"{each}/**/*.py" if "." not in each else each))
    texts = {str(path.relative_to(source)): path.read_text() for path in files}
    texts = {file: text for file, text in texts.items() if any(fnmatch(file, pattern) for pattern in patterns)}
    by_line: dict[tuple[str, int], list[Mutant]] = defaultdict(list)
    for file, text in texts.items():
        for each in mutants(file, text):
            by_line[each.file, each.line].append(each)
    generator = random.Random(seed)
    lines = sorted(by_line)
    generator.shuffle(lines)
    found: list[Mutant] = []
    for line in lines:
        if len(found) == count:
            break
        each = generator.choice(by_line[line])
        if compiles(each, texts[each.file]):
            found.append(each)
    return found


def meet(workshop: Workshop, mutant: Mutant | None, tests: Sequence[str]) -> dict[str, Any]:
    """Runs tests on a mutant, or on the source as it is: what became of it, which test noticed, and the seconds that it took."""
    started = time.monotonic()
    path = workshop.source / mutant.file if mutant else None
    text = path.read_text() if path else ""
    files = list(dict.fromkeys(name.split("::")[0] for name in tests))
    try:
        if mutant and path:
            path.write_text(mutant.apply(text))
        code = workshop.run(lambda: in_turn(workshop, tests), limit=90 + 10 * len(files)) if tests else 0
    finally:
        if path:
            path.write_text(text)
    outcome = {None: "hung", 0: "survived" if tests else "no test"}.get(code, "killed")
    by = workshop.answer.read_text() if tests and workshop.answer.exists() else ""
    return {"outcome": outcome, "by": by, "seconds": round(time.monotonic() - started, 1), "tests": len(tests)}


def in_turn(workshop: Workshop, tests: Sequence[str]) -> int:
    """Runs tests in a child, the first file alone and then more and more files at once, because pytest imports all files before it begins.

    Returns:
        Pytest's exit code: of the first run that is not clean, or 0.
    """
    files = list(dict.fromkeys(name.split("::")[0] for name in tests))
    begin, width = 0, 1
    while begin < len(files):
        code = workshop.test(["-x", *files[begin : begin + width]], First(tests, workshop.answer))
        if code:
            return code
        begin, width = begin + width, 2 * width
    return 0


def report(results: Sequence[dict[str, Any]]) -> str:
    """The score, by kind and by folder, and the survivors."""
    lines = []
    total = Counter(each["outcome"] for each in results)
    alive = [each for each in results if each["outcome"] in ALIVE]
    killed = len(results) - len(alive)
    lines.append(f"{killed} of {len(results)} mutants killed ({killed / max(len(results), 1):.1%}): {dict(total)}")
    for what, key in (("kind", lambda each: each["kind"]), ("folder", lambda each: each["file"].split("/")[1])):
        counts, left = Counter(map(key, results)), Counter(map(key, alive))
        lines.append(f"survivors by {what}: " + ", ".join(f"{name} {left[name]}/{count}" for name, count in counts.most_common()))
    for each in sorted(alive, key=lambda each: (each["file"], each["line"])):
        reason = EXPLAINED.get((each["file"], shorten(each["before"]), shorten(each["after"])))
        lines.append(f"{each['outcome']}: {each['what']}{f' ({reason})' if reason else ''}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> str:
    """Draws and tries mutants as the command line says; the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=300, help="mutants")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument(
        "--files", nargs="*", default=["*"], help="patterns of the files to mutate, such as rga/reid/*; all of them by default"
    )
    parser.add_argument("--budget", type=float, default=25.0, help="seconds of tests for a mutant")
    parser.add_argument("--controls", type=int, default=5, help="runs without a mutant")
    parser.add_argument(
        "--part", type=int, nargs=2, default=(1, 1), metavar=("I", "N"), help="only part I of N of the draw, for another process"
    )
    parser.add_argument("--again", type=Path, nargs="*", help="reports whose survivors are tried again, instead of a draw")
    parser.add_argument("--as-gathered", action="store_true", help="trust tests.json: run no test file anew")
    parser.add_argument("--tests", nargs="*", default=["*"], help="patterns of the test files to run, such as tests/reid/*; all by default")
    parser.add_argument("--without", nargs="*", default=[], help="test files to leave out, for a score without them")
    parser.add_argument("--gather-only", action="store_true", help="only run the test files")
    parser.add_argument("--output", "-o", type=Path, default=Path("runs/mutants"), help="folder for tests.json and the reports")
    chosen = parser.parse_args(arguments)
    chosen.output.mkdir(parents=True, exist_ok=True)
    found = [path for folder in TESTS for path in sorted((ROOT / "tests" / folder).glob("**/test_*.py" if folder else "test_*.py"))]
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        kept = chosen.output / "tests.json"
        if chosen.as_gathered:
            known = {
                path: value for path, value in json.loads(kept.read_text()).items() if any(fnmatch(path, each) for each in chosen.tests)
            }
        else:
            wanted = [str(path.relative_to(ROOT)) for path in found]
            known = gather(workshop, kept, [path for path in wanted if any(fnmatch(path, pattern) for pattern in chosen.tests)])
        if chosen.gather_only:
            return f"{len(known)} test files"
        selection = Selection({name: value for name, value in known.items() if name not in chosen.without}, workshop.source)
        if chosen.again:
            before = [each for path in chosen.again for each in json.loads(path.read_text())["mutants"]]
            drawn = [moved(each, workshop.source) for each in before if each["outcome"] in ALIVE]
            name = "again"
        else:
            drawn = draw(workshop.source, chosen.count, chosen.seed, chosen.files)
            name = str(chosen.seed)
        part, parts = chosen.part
        drawn = drawn[part - 1 :: parts]
        path = chosen.output / f"mutants-{name}{f'-{part}' if parts > 1 else ''}.json"
        controls = [meet(workshop, None, selection.tests(each, chosen.budget)) for each in drawn[: chosen.controls]]
        passed = sum(each["outcome"] in ALIVE for each in controls)
        results: list[dict[str, Any]] = []
        for each in drawn:
            results.append({**asdict(each), "what": str(each), **meet(workshop, each, selection.tests(each, chosen.budget))})
            print(f"{len(results)}/{len(drawn)} {results[-1]['outcome']} {results[-1]['seconds']} s {each} {results[-1]['by']}", flush=True)
            path.write_text(json.dumps({"seed": chosen.seed, "controls": f"{passed}/{len(controls)}", "mutants": results}, indent=1))
    text = f"seed {chosen.seed}; controls passed: {passed} of {len(controls)}\n{report(results)}"
    path.with_suffix(".txt").write_text(text + "\n")
    return text


def moved(values: dict[str, Any], source: Path) -> Mutant:
    """A mutant of an earlier report in the source as it is now.

    Raises:
        RuntimeError: the source has changed there.
    """
    file, line = values["file"], values["line"]
    same = (values["kind"], values["before"], values["after"])
    found = [each for each in mutants(file, (source / file).read_text()) if (each.kind, each.before, each.after) == same]
    if not found:
        raise RuntimeError(f"the source has changed: {values['what']}")
    return min(found, key=lambda each: abs(each.line - line))


if __name__ == "__main__":
    print(main(sys.argv[1:]))
