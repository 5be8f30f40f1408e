"""Imports go down only, and importing the package is light."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"

FLOORS: tuple[frozenset[str], ...] = tuple(
    frozenset(floor.split())
    for floor in (
        "rga.cores rga.errors rga.lazy rga.printable",
        "rga.checks rga.arrays rga.tensors rga.terminal rga.extras",
        "rga.attention rga.storage rga.images rga.synthetic",
        "rga.attachment rga.datasets",
        "rga.backbones",
        "rga.training",
        "rga.ranking",
        "rga.reid rga.segmentation rga.classification rga.detection",
        "rga.tasks rga.runtime",
        "rga.model_names",
        "rga.first_edition rga.loading",
        "rga.recipes rga.opening",
        "rga.explanation rga.chosen_data",
        "rga.deploy rga.reports",
        "rga.runs rga.evaluations rga.run_reports",
        "rga.study rga.gallery",
        "rga.demos rga.pretrained rga.installation",
        "rga.cli",
        "rga.__main__",
    )
)
"""From the ground up. A module may import from floors below its own, and from its own room: tasks never import one another."""

LAZY = {"rga.tasks": "rga.reid rga.segmentation rga.classification rga.detection"}
"""Modules that import others by their names in strings, which the test of imports cannot see."""


def room_of(module: str) -> str:
    """The first two parts of a module's name."""
    return ".".join(module.split(".")[:2])


def floor_of(module: str) -> int:
    """The floor of a module's room."""
    floors = [number for number, rooms in enumerate(FLOORS) if room_of(module) in rooms]
    assert floors, f"{module} is in no room that the architecture knows: give its room a floor in {Path(__file__).name}"
    return floors[0]


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its name."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(path: Path) -> set[str]:
    """The package's own modules that a file imports, at its head or inside of functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            named = [f"{node.module}.{alias.name}" for alias in node.names]
            names |= {name if node.module == "rga" or name in modules() else node.module for name in named}
    return {name for name in names if name.split(".")[0] == "rga" and name != "rga"}


@pytest.mark.parametrize("module", [name for name in modules() if name != "rga"])
def test_imports_go_down_only(module: str) -> None:
    for imported in imports_of(modules()[module]):
        if imported.count(".") == 1 and imported not in modules():
            continue  # a public name of the package itself
        if room_of(imported) != room_of(module):
            assert floor_of(imported) < floor_of(module), f"{module} imports {imported}, which is not below it"


def test_an_upward_import_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text("def f():\n    from rga.cli.commands.demo import reid\n")
    assert imports_of(path) == {"rga.cli.commands.demo"}
    assert floor_of("rga.cli.commands.demo") > floor_of("rga.attention.relation")


def test_a_module_imported_from_its_folder_is_that_module(tmp_path: Path) -> None:
    path = tmp_path / "right.py"
    path.write_text("from rga.attention import Grid, grid\nfrom rga import attach, attachment\nimport rga.attachment.costs\n")
    assert imports_of(path) == {"rga.attention", "rga.attention.grid", "rga.attach", "rga.attachment", "rga.attachment.costs"}


def test_modules_that_are_named_in_strings_are_below() -> None:
    named = {
        module: set(re.findall(r"\"(rga\.[a-z_.]+)\"", path.read_text())) & set(modules())
        for module, path in modules().items()
        if "import_module(" in path.read_text()
    }
    assert {module: packages for module, packages in named.items() if packages} == {
        module: set(packages.split()) for module, packages in LAZY.items()
    }
    for module, packages in LAZY.items():
        assert all(floor_of(package) < floor_of(module) for package in packages.split())


def test_every_floor_has_its_rooms() -> None:
    rooms = {room_of(name) for name in modules() if name != "rga"}
    assert rooms == set().union(*FLOORS)


def test_no_circles_within_a_room() -> None:
    graph = {name: imports_of(path) & set(modules()) for name, path in modules().items() if name != "rga"}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"circle: {' -> '.join([*path[path.index(name) :], name])}"
        if name not in done:
            for imported in graph.get(name, ()):
                visit(imported, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


ONE_WAY = {
    r"\.rglob\(|IMG_EXTENSIONS|os\.walk": ("rga.images.listing", "rga.backbones.weights.wheels", "rga.storage.files"),
    r"[^.]Image\.open\(": ("rga.images.images", "rga.images.decoding", "rga.reports.report"),
    r"TextColumn\(|[^a-z]Console\(": ("rga.terminal",),
    r"from safetensors": ("rga.storage.saved_model", "rga.storage.files", "rga.backbones.weights.contents"),
}
"""What is done in one way for all -> the modules that may do it: images are found and read, names printed, paths given to safetensors."""


@pytest.mark.parametrize("what", ONE_WAY)
def test_what_is_done_in_one_way_is_done_there(what: str) -> None:
    for name, path in modules().items():
        code = "\n".join(line for line in path.read_text().splitlines() if ">>>" not in line and "..." not in line[:12])
        if re.search(what, code):
            assert name in ONE_WAY[what], f"{name} has {what}, which is done by {ONE_WAY[what][0]} for all"


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, rga; print(*{'torch', 'timm', 'numpy', 'PIL', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_public_name_is_there() -> None:
    import rga  # noqa: PLC0415  it is what is tested

    assert [name for name in rga.__all__ if getattr(rga, name) is None] == []
    assert set(rga.HOMES) == set(rga.__all__)
    assert set(rga.__all__) <= set(dir(rga))
    with pytest.raises(AttributeError, match="no attribute 'attatch'"):
        rga.attatch  # noqa: B018


def test_relation_needs_torch_alone() -> None:
    """The files beside the paper import torch alone."""
    for module in ("relation", "factorised", "modules", "grid"):
        roots = set()
        for node in ast.walk(ast.parse((SOURCE / "rga" / "attention" / f"{module}.py").read_text())):
            if isinstance(node, ast.Import):
                roots |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                roots.add(node.module.split(".")[0])
        assert roots - set(sys.stdlib_module_names) <= {"torch", "rga"}
