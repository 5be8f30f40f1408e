"""The mutants: what is changed and what is left alone, which tests a mutant meets, and what the report says."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Script = Callable[[str], ModuleType]


@pytest.fixture
def tool(script: Script, project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """A part of the tool by its name; the parts import one another."""
    monkeypatch.syspath_prepend(project / "benchmarks" / "mutation")
    return lambda name: script(f"mutation/{name}")


SOURCE = '''"""A module with "words" and 3 numbers."""
from typing import Literal

Kind = Literal["a", "b"]
SIZES = (1, 2)


def small(x: int, limit: int = 3, *, word: str = "yes") -> bool:
    """Whether x < limit."""
    if x < 0:
        raise ValueError(f"{x} < 0")
    names = sorted(name.lower() for name in SIZES if not name)
    call(x, limit, flag=True, strict=False)
    print("said", x + 1)
    return x < limit and word == "yes"


def path(folder, name):
    return folder / name / "a.png"
'''


def test_lines_are_changed_in_every_way(tool: Callable[[str], ModuleType]) -> None:
    found = {f"{each.line} {each.kind}: {each.before} -> {each.after}" for each in tool("operators").mutants("a.py", SOURCE)}
    for wanted in (
        "5 entry: 1,  -> ",
        "5 constant: 2 -> 3",
        "8 constant: 3 -> 4",
        "8 constant: \"yes\" -> 'yes_'",
        "10 comparison: x < 0 -> x <= 0",
        "10 comparison: x < 0 -> x >= 0",
        '11 statement: raise ValueError(f"{x} < 0") -> pass',
        "12 call: name.lower() -> name",
        "12 condition: not name -> (name)",
        "12 call: sorted(name.lower() for name in SIZES if not name) -> list((name.lower() for name in SIZES if not name))",
        "13 statement: call(x, limit, flag=True, strict=False) -> pass",
        "13 swap: x, limit -> limit, x",
        "13 argument: flag=True,  -> ",
        "13 constant: True -> False",
        '15 logic: x < limit and word == "yes" -> x < limit or word == "yes"',
        '15 comparison: word == "yes" -> word != "yes"',
    ):
        assert wanted in found, wanted


def test_what_no_test_should_pin_down_is_left_alone(tool: Callable[[str], ModuleType]) -> None:
    found = tool("operators").mutants("a.py", SOURCE)
    assert not {1, 2, 4, 9, 14} & {each.line for each in found}  # docstrings, imports, types, what is printed
    assert not [each for each in found if "strict" in each.before and each.kind == "argument"]
    assert not [each for each in found if each.line == 19 and each.kind == "arithmetic"]  # paths are joined


def test_a_mutant_is_another_program_and_knows_when_it_runs(tool: Callable[[str], ModuleType]) -> None:
    operators = tool("operators")
    found = {str(each): each for each in operators.mutants("a.py", SOURCE)}
    entry, default, inside = (
        found[f"a.py:{name}"] for name in ("5 entry: 1, -> nothing", "8 constant: 3 -> 4", "10 comparison: x < 0 -> x <= 0")
    )
    assert (entry.names, default.names, inside.names) == (("SIZES",), ("small",), ())
    assert (default.statement, inside.statement) == ((8, 8), (10, 10))
    assert "SIZES = (2)" in entry.apply(SOURCE)
    assert operators.compiles(inside, SOURCE)
    assert not operators.compiles(operators.Mutant("a.py", 1, 0, 0, "", "def", "call", (1, 1)), SOURCE)
    assert not operators.compiles(operators.Mutant("a.py", 1, 0, 0, "", "# said\n", "call", (1, 1)), SOURCE)


def known(**tests: tuple[float, dict[str, list[int]]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (seconds, lines) in tests.items():
        file = f"tests/{name.split('_')[0]}/test_x.py"
        found.setdefault(file, {"tests": {}})["tests"][f"{file}::{name}"] = {"seconds": seconds, "lines": lines}
    return found


def test_a_mutant_meets_the_tests_that_run_its_statement(tool: Callable[[str], ModuleType], tmp_path: Path) -> None:
    operators, lines = tool("operators"), tool("lines")
    (tmp_path / "pkg" / "mine").mkdir(parents=True)
    (tmp_path / "pkg" / "mine" / "a.py").write_text(SOURCE)
    (tmp_path / "pkg" / "b.py").write_text("READERS = SIZES\n\n\ndef use():\n    return READERS\n")
    file = "pkg/mine/a.py"
    gathered = known(
        mine_quick=(0.1, {file: [10, 15]}),
        mine_slow=(9.0, {file: [10]}),
        other_first=(0.01, {file: [10]}),
        other_second=(0.5, {"pkg/b.py": [5]}),
    )
    selection = lines.Selection(gathered, tmp_path)
    found = {str(each): each for each in operators.mutants(file, SOURCE)}
    inside, table = found[f"{file}:10 comparison: x < 0 -> x <= 0"], found[f"{file}:5 entry: 1, -> nothing"]
    names = [name.split("::")[1] for name in selection.tests(inside, 5.0)]
    assert sorted(names) == ["mine_quick", "other_first"]
    assert {name.split("::")[1] for name in selection.tests(inside, 50.0)} == {"mine_quick", "mine_slow", "other_first"}
    assert {name.split("::")[1] for name in selection.concerned(table)} == {"mine_quick", "mine_slow", "other_first", "other_second"}
    nothing = operators.Mutant("pkg/b.py", 1, 0, 0, "", "", "call", (1, 1))
    assert selection.tests(nothing, 5.0) == []


def test_the_draw_follows_its_seed_and_takes_one_mutant_a_line(tool: Callable[[str], ModuleType], tmp_path: Path) -> None:
    run = tool("run")
    (tmp_path / "rga" / "reid").mkdir(parents=True)
    (tmp_path / "rga" / "reid" / "a.py").write_text(SOURCE)
    (tmp_path / "rga" / "attention.py").write_text(SOURCE)  # not in the scope
    first, again, other = (run.draw(tmp_path, 5, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert {each.file for each in first} == {"rga/reid/a.py"}
    assert len({each.line for each in first}) == 5
    assert len(run.draw(tmp_path, 100, 0)) == 8  # lines 5, 8, 10, 11, 12, 13, 15 and 19


class Shop:
    """Stands for the processes: answers as it is told."""

    def __init__(self, folder: Path, code: int | None, killer: str) -> None:
        self.source = folder
        self.answer = folder / "answer"
        self.code = code
        self.killer = killer
        self.seen = ""

    def run(self, _work: Callable[[], int], limit: float) -> int | None:
        assert limit > 0
        self.seen = (self.source / "a.py").read_text()
        self.answer.write_text(self.killer)
        return self.code


@pytest.mark.parametrize(("code", "outcome"), [(1, "killed"), (0, "survived"), (None, "hung"), (2, "killed")])
def test_what_became_of_a_mutant(tool: Callable[[str], ModuleType], tmp_path: Path, code: int | None, outcome: str) -> None:
    run, mutant = tool("run"), tool("operators").mutants("a.py", SOURCE)[0]
    (tmp_path / "a.py").write_text(SOURCE)
    shop = Shop(tmp_path, code, "tests/x.py::test_a")
    found = run.meet(shop, mutant, ["tests/x.py::test_a"])
    assert (found["outcome"], found["by"], found["tests"]) == (outcome, "tests/x.py::test_a", 1)
    assert shop.seen == mutant.apply(SOURCE)
    assert (tmp_path / "a.py").read_text() == SOURCE
    assert run.meet(shop, mutant, [])["outcome"] == "no test"


def test_the_report_lists_the_survivors(tool: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    run = tool("run")
    monkeypatch.setattr(run, "EXPLAINED", {("rga/reid/a.py", "x", "nothing"): "the same"})
    results = [
        {
            "outcome": outcome,
            "kind": kind,
            "file": "rga/reid/a.py",
            "line": line,
            "what": f"rga/reid/a.py:{line} {kind}",
            "before": "x",
            "after": "",
        }
        for outcome, kind, line in (("killed", "swap", 3), ("hung", "swap", 4), ("survived", "call", 9), ("no test", "call", 2))
    ]
    assert run.report(results).splitlines() == [
        "2 of 4 mutants killed (50.0%): {'killed': 1, 'hung': 1, 'survived': 1, 'no test': 1}",
        "survivors by kind: swap 0/2, call 2/2",
        "survivors by folder: reid 2/4",
        "no test: rga/reid/a.py:2 call (the same)",
        "survived: rga/reid/a.py:9 call (the same)",
    ]


def test_a_mutant_is_found_again_where_lines_moved(tool: Callable[[str], ModuleType], tmp_path: Path) -> None:
    run, mutant = tool("run"), tool("operators").mutants("a.py", SOURCE)[3]
    (tmp_path / "a.py").write_text(SOURCE.replace("\n\n\ndef small", "\n\n\nMORE = 1\n\n\ndef small"))
    values = json.loads(json.dumps({**vars(mutant), "outcome": "survived", "what": str(mutant)}))
    found = run.moved(values, tmp_path)
    assert (found.kind, found.before, found.after) == (mutant.kind, mutant.before, mutant.after)
    (tmp_path / "a.py").write_text("")
    with pytest.raises(RuntimeError, match="the source has changed"):
        run.moved(values, tmp_path)
