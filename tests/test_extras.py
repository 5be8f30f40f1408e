"""What is not installed is said in one sentence, with the extra that installs it, wherever it is used."""

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import rga.gallery
from rga.classification.datasets.digits import read_digits
from rga.demos.gates import check_format
from rga.errors import MissingPackageError, RgaError
from rga.explanation.embedding_map import has_umap, umap_points
from rga.extras import OPTIONAL, is_installed, missing, require
from rga.reid.datasets.cuhk03 import read_protocol
from rga.reid.datasets.cuhk03_archive import read_testsets
from rga.reports.panels import over

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

MODULES = {"pillow": "PIL", "huggingface-hub": "huggingface_hub"}
"""Needed packages whose module is not called as they are."""
COMES_WITH = {"google": "onnx", "markupsafe": "jinja2", "onnx_ir": "onnxscript", "pydantic_core": "pydantic", "starlette": "fastapi"}
"""Modules of packages that others need."""
GUARDED = {"rga.gallery": {"psycopg", "psycopg_pool"}, "rga.gallery.store": {"psycopg", "psycopg_pool"}, "rga.gallery.web": {"fastapi"}}
"""Packages of ours that need optional ones as a whole: they are asked for when the package, or what is public of it, is first used."""
HANDED = {
    "rga.deploy.int8.onnx.QuantisedOnnx.save": "what it holds is onnx's",
    "rga.deploy.int8.onnx.quantise": "check_packages",
    "rga.deploy.int8.openvino.import_nncf": "check_packages",
    "rga.gallery.enrolment.frames.video.decode": "a container of av's",
    "rga.gallery.enrolment.frames.video.opened": "video_frames",
    "rga.reports.forest.Forest.draw": "new_figure",
    "rga.reports.plotting.as_svg": "a figure of matplotlib's",
    "rga.reports.plotting.label_axes": "axes of matplotlib's",
    "rga.reports.plotting.save_figure": "a figure of matplotlib's",
    "rga.study.results.statistics.student_quantile": "check_statistics",
}
"""Functions that import an optional package and do not ask for it themselves -> who did, or what they are handed that is of the package."""


def requirement(text: str) -> str:
    """The name of a package in a requirement."""
    found = re.match(r"[\w.-]+", text)
    assert found
    return found[0]


NEEDED = {MODULES.get(name, name) for name in map(requirement, PROJECT["dependencies"])}


class Imports(ast.NodeVisitor):
    """The imports of a file from other packages, each with where it stands and whether ``require`` names it there."""

    def __init__(self, module: str) -> None:
        self.names = [module]
        self.required: list[set[str]] = [set()]
        self.found: list[tuple[str, str, bool]] = []

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self.generic_visit(node)

    def scope(self, node: Any) -> None:
        """What is inside of a function or a class."""
        calls = [
            each for each in ast.walk(node) if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "require"
        ]
        self.names.append(node.name)
        self.required.append({str(word.value) for call in calls for word in call.args if isinstance(word, ast.Constant)})
        self.generic_visit(node)
        self.names.pop()
        self.required.pop()

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = scope  # noqa: N815  likewise

    def note(self, name: str) -> None:
        root = name.partition(".")[0]
        if root not in sys.stdlib_module_names and root != "rga":
            self.found.append((root, ".".join(self.names), any(root in names for names in self.required)))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.note(alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.note(node.module or "")


def imports() -> Iterator[tuple[str, str, bool]]:
    """Every import of another package in the source: its root, where it stands, whether it is asked for there."""
    for path in sorted((SOURCE / "rga").rglob("*.py")):
        text = path.read_text()
        if set(re.findall(r"^\s*(?:import|from) (\w+)", text, flags=re.MULTILINE)) - sys.stdlib_module_names - NEEDED - {"rga"}:
            visitor = Imports(".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"))
            visitor.visit(ast.parse(text))
            yield from visitor.found


def test_every_optional_import_is_asked_for() -> None:
    """Whoever adds an import of an optional package writes ``require("it")`` before, so that nobody gets a bare ModuleNotFoundError."""
    handed = set()
    for root, where, asked in imports():
        package = COMES_WITH.get(root, root)
        if package in NEEDED:
            continue
        assert package in OPTIONAL, f"{where} imports {root}: name it in pyproject.toml, and in OPTIONAL of rga.extras"
        if any(where.startswith(f"{room}.") and package in names for room, names in GUARDED.items()):
            continue
        if not asked and root not in COMES_WITH:
            assert where in HANDED, f'{where} imports {root} without require("{root}")'
            handed.add(where)
    assert sorted(set(HANDED) - handed) == []


def test_extras_install_what_is_optional() -> None:
    extras: dict[str, list[str]] = PROJECT["optional-dependencies"]
    for module, package in OPTIONAL.items():
        if package.extra:
            assert package.project in {requirement(each) for each in extras[package.extra]} or "psycopg" in module
        assert module not in NEEDED
        assert package.purpose[0].islower() or package.purpose.startswith(("CUHK03", "Grad-CAM", "ImageNet", "OpenCV"))
    of_extras = {requirement(each) for name, extra in extras.items() if name not in ("dev", "docs", "all") for each in extra} - {"rga"}
    assert of_extras <= {package.project for package in OPTIONAL.values()}
    assert "scipy" in {requirement(each) for each in extras["cuhk03"]}


def gallery() -> object:
    """The class of galleries, asked for as its users do."""
    return rga.gallery.Gallery


USES: dict[str, tuple[Callable[[], object], str]] = {
    "matplotlib": (lambda: check_format(Path("a.png")), "explain"),
    "matplotlib ": (lambda: over(None, None), "explain"),  # type: ignore[arg-type]
    "scipy": (lambda: read_protocol(Path("a.mat")), "cuhk03"),
    "h5py": (lambda: read_testsets(Path("a.mat")), "cuhk03"),
    "sklearn": (read_digits, "digits"),
    "psycopg": (gallery, "gallery"),
    "psycopg_pool": (gallery, "gallery"),
}
"""Module -> what uses it, and the extra that is named; what is missing here is tested beside its use."""


@pytest.mark.parametrize("module", USES)
def test_what_is_missing_is_named_with_its_extra(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use, extra = USES[module]
    monkeypatch.setitem(sys.modules, module.strip(), None)
    with pytest.raises(
        MissingPackageError, match=rf"needs {OPTIONAL[module.strip()].project}, .*: pip install 'rga\[{extra}\]'$"
    ) as raised:
        use()
    assert isinstance(raised.value, RgaError)


def test_a_package_without_an_extra_is_installed_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    assert not has_umap()
    with pytest.raises(MissingPackageError, match=r"needs umap-learn, which is not installed: pip install umap-learn$"):
        umap_points([])  # type: ignore[arg-type]


@pytest.mark.parametrize("module", ["fastapi", "python_multipart", "uvicorn"])
def test_the_page_of_a_gallery_needs_its_packages(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("rga.gallery.web")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackageError, match=r"pip install 'rga\[gallery\]'"):
        __import__("rga.gallery.web.application")


def test_require_passes_what_is_there_and_stops_at_the_first_that_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    require()
    monkeypatch.setitem(OPTIONAL, "json", OPTIONAL["av"])
    require("json")
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert not is_installed("onnx")
    with pytest.raises(MissingPackageError, match="needs onnx,"):
        require("json", "onnx", "nncf")
    assert str(missing("scipy", "cuhk03")).endswith("pip install 'rga[cuhk03]'")
