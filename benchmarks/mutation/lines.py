"""Which lines of the source each test runs, and how long it takes, by coverage; and which tests a mutant should meet."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from children import ROOT, Workshop
from operators import Mutant, name_of

Known = dict[str, dict[str, Any]]
"""Test file -> {"digest": of its text, "sources": file -> digest, "tests": name -> {"seconds": ..., "lines": file -> lines}}."""

DOTTED = re.compile(r"rga(\.\w+)+")

OF_A_FILE = 0.3
"""Seconds that a test file takes besides its tests."""

HANGS = 900.0
"""Seconds after which a test file is given up."""


class Watch:
    """A plugin of pytest that notes how long each test took, and tells coverage which one runs.

    Lines that a fixture of a module or a session runs belong to every test that uses it.
    """

    def __init__(self, coverage: Any) -> None:
        self.coverage = coverage
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: set[str] = set()
        self.fixtures: dict[str, list[str]] = {}
        self.current = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        """Lines from here on belong to this test."""
        self.current = item.nodeid
        used = getattr(item, "_fixtureinfo").name2fixturedefs.values()  # noqa: B009  pytest has no other way to say which
        self.fixtures[item.nodeid] = [f"fixture {each.argname} {each.baseid}" for defined in used for each in defined]
        self.coverage.switch_context(self.current)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Any:
        """Lines of a shared fixture belong to the fixture."""
        shared = fixturedef.scope != "function"
        if shared:
            self.coverage.switch_context(f"fixture {fixturedef.argname} {fixturedef.baseid}")
        try:
            return (yield)
        finally:
            if shared:
                self.coverage.switch_context(self.current)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Adds up set-up, call and tear-down."""
        self.seconds[report.nodeid] += report.duration
        if report.outcome != "passed":
            self.failed.add(report.nodeid)


def gather(workshop: Workshop, kept: Path, wanted: Sequence[str]) -> Known:
    """Runs the test files that have changed, or whose source has, each in a process of its own.

    Args:
        workshop: where they run.
        kept: the file that remembers what was gathered.
        wanted: paths of test files, relative to the project.
    """
    known: Known = json.loads(kept.read_text()) if kept.exists() else {}
    sources = {str(path.relative_to(workshop.source)): digest(path) for path in workshop.source.rglob("*.py")}
    for number, name in enumerate(wanted, start=1):
        entry, own = known.get(name), digest(ROOT / name)
        if entry and entry["digest"] == own and all(sources.get(file) == value for file, value in entry["sources"].items()):
            continue
        known[name] = {"digest": own, **watched(workshop, name, sources)}
        failed = ", ".join(known[name]["failed"])
        print(f"{number}/{len(wanted)} {name}: {len(known[name]['tests'])} tests{f'; not passed: {failed}' if failed else ''}", flush=True)
        kept.write_text(json.dumps(known))
    return {name: known[name] for name in wanted}


def watched(workshop: Workshop, name: str, sources: dict[str, str]) -> dict[str, Any]:
    """Runs one test file; see ``Known``."""

    def work() -> int:
        from coverage import Coverage  # noqa: PLC0415  a library that nothing else needs

        coverage = Coverage(data_file=None, include=[f"{workshop.source}/*"], config_file=False)
        plugin = Watch(coverage)
        coverage.start()
        code = workshop.test([name], plugin)
        coverage.stop()
        workshop.answer.write_text(json.dumps(by_test(coverage.get_data(), plugin, workshop.source)))
        return code

    code = workshop.run(work, HANGS)
    if not workshop.answer.exists():
        return {"tests": {}, "failed": [f"the file itself, exit code {code}"], "sources": {}}
    found: dict[str, Any] = json.loads(workshop.answer.read_text())
    used = {file for test in found["tests"].values() for file in test["lines"]}
    return {**found, "sources": {file: sources[file] for file in sorted(used)}}


def by_test(data: Any, plugin: Watch, source: Path) -> dict[str, Any]:
    """Seconds and lines of each test that passed, and the names of the others."""
    contexts: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for path in data.measured_files():
        if not path.endswith(".py"):
            continue  # a template
        file = str(Path(path).relative_to(source))
        for line, several in data.contexts_by_lineno(path).items():
            for context in several:
                contexts[context][file].add(line)
    tests = {}
    for name in plugin.seconds.keys() - plugin.failed:
        lines: dict[str, set[int]] = defaultdict(set)
        for context in (name, *plugin.fixtures[name]):
            for file, found in contexts[context].items():
                lines[file] |= found
        tests[name] = {"seconds": round(plugin.seconds[name], 3), "lines": {file: sorted(found) for file, found in lines.items()}}
    return {"tests": tests, "failed": sorted(plugin.failed)}


def digest(path: Path) -> str:
    """A short digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def module_of(file: str) -> str:
    """The module that a file holds: ``rga.tasks`` of rga/tasks.py."""
    return file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def words_of(path: Path) -> set[str]:
    """The strings of a file that are names."""
    strings = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    return {each for each in strings if isinstance(each, str) and each.isidentifier()}


def imported(path: Path) -> set[str]:
    """The modules that a file imports or names in strings, and the names that it takes from them, with dots."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{each.name}" for each in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and DOTTED.fullmatch(node.value):
            found |= {node.value, *(node.value.rsplit(".", count)[0] for count in (1, 2))}  # a name in a module, or in a class of it
    return found


class Selection:
    """Which tests a mutant meets.

    Args:
        known: what ``gather`` returned.
        source: the folder above the package.
    """

    def __init__(self, known: Known, source: Path) -> None:
        self.seconds: dict[str, float] = {}
        self.by_line: dict[tuple[str, int], set[str]] = defaultdict(set)
        self.importing: dict[str, set[str]] = defaultdict(set)
        """Module -> the tests of files that import it."""
        self.naming: dict[str, set[str]] = defaultdict(set)
        """Name -> the tests of files that have it in a string: of a field, say."""
        for test_file, entry in known.items():
            for module in imported(ROOT / test_file) if (ROOT / test_file).is_file() else ():
                self.importing[module] |= set(entry["tests"])
            for word in words_of(ROOT / test_file) if (ROOT / test_file).is_file() else ():
                self.naming[word] |= set(entry["tests"])
            for name, test in entry["tests"].items():
                self.seconds[name] = test["seconds"]
                for file, lines in test["lines"].items():
                    for line in lines:
                        self.by_line[file, line].add(name)
        self.in_functions: dict[str, set[int]] = {}
        """File -> lines of the bodies of its functions."""
        self.places: dict[str, set[tuple[str, int]]] = defaultdict(set)
        """Name -> where functions use it."""
        self.bound: dict[str, set[str]] = defaultdict(set)
        """Name -> the names of values that are made of it when a module is imported: of READERS, CATALOG."""
        for path in source.rglob("*.py"):
            self.read(str(path.relative_to(source)), ast.parse(path.read_text()))

    def read(self, file: str, tree: ast.Module) -> None:
        """Notes the lines of functions, which names they use, and which names modules use at import."""
        for statement in tree.body:
            if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
                target = statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
                for used in ast.walk(statement.value):
                    if isinstance(used, ast.Name | ast.Attribute) and isinstance(target, ast.Name):
                        self.bound[name_of(used)].add(target.id)
        bodies = [each for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for each in node.body]
        self.in_functions[file] = {line for each in bodies for line in range(each.lineno, (each.end_lineno or each.lineno) + 1)}
        for body in bodies:
            for node in ast.walk(body):
                match node:
                    case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                        self.places[name].add((file, node.lineno))

    def concerned(self, mutant: Mutant) -> set[str]:
        """All tests that run the mutant's statement, or may use a value of a module that is mutated."""
        places: Iterable[tuple[str, int]] = [(mutant.file, line) for line in range(mutant.statement[0], mutant.statement[1] + 1)]
        if mutant.names:
            places = [(mutant.file, line) for line in self.in_functions[mutant.file]]
            names = set(mutant.names)
            for _ in range(3):
                names |= {bound for name in names for bound in self.bound[name] if bound.isupper()}
            places += [place for name in names for place in self.places[name]]
        found = set().union(*(self.by_line.get(place, ()) for place in places))
        if mutant.names:
            found |= self.importing[module_of(mutant.file)].union(*(self.naming[name] for name in mutant.names))
        return found

    def tests(self, mutant: Mutant, budget: float) -> list[str]:
        """The tests concerned that fit into some seconds: file by file, those that import the mutant's module first."""
        files: dict[str, list[str]] = defaultdict(list)
        for name in sorted(self.concerned(mutant), key=lambda name: self.seconds[name]):
            files[name.split("::")[0]].append(name)
        own = mutant.file.split("/")[1].removesuffix(".py")
        importing = self.importing[module_of(mutant.file)]

        def cost(file: str) -> float:
            mean = sum(self.seconds[name] for name in files[file]) / len(files[file])
            near = any(name in importing for name in files[file])
            return (mean + 0.02) * (0.01 if near else 0.1 if own in file else 1.0)

        chosen: list[str] = []
        for file in sorted(files, key=cost):
            budget -= OF_A_FILE
            for name in files[file]:
                if self.seconds[name] < budget or not chosen:
                    chosen.append(name)
                    budget -= self.seconds[name]
        return chosen
