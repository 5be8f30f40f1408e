"""A catalogue: what its readers get, and what is refused before they read."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest

from rga.datasets.catalog import Catalog, Progress
from rga.datasets.report import Finding
from rga.datasets.spec import DataSpec
from rga.errors import InputError

Data = tuple[Any, ...]


@dataclass(frozen=True)
class Checked:
    """What the checker was given."""

    data: Data
    expected: Any
    open_images: bool
    progress: Progress | None
    name: str = "checked"
    root: Path = Path()
    fingerprint: str = ""
    ok: bool = True

    def to_dict(self) -> dict[str, Any]:
        return {}

    def findings(self) -> list[Finding]:
        return []


def read_plain(root: Path = Path("inside")) -> Data:
    return ("plain", root)


def read_many(
    root: Path,
    boxes: str,
    *,
    share: float = 0.2,
    seed: int = 0,
    allow_subset: bool = False,
    camera: str | None = None,
    shots: int | None = None,
    kind: Literal["a", "b"] = "a",
) -> Data:
    return ("many", root, boxes, share, seed, allow_subset, camera, shots, kind)


CATALOG: Catalog[Data] = Catalog(
    {"plain": read_plain, "many-drawn": partial(read_many, boxes="drawn"), "many-fixed": partial(read_many, boxes="fixed", seed=7)},
    Checked,
    {"many-drawn": "the protocol's counts"},
)


def test_options_from_text_get_the_types_of_the_reader() -> None:
    text = r"many-drawn:a/b?share=0.5&seed=3&allow_subset=true&camera=c(\d)&shots=4&kind=b"
    expected = ("many", Path("a/b"), "drawn", 0.5, 3, True, r"c(\d)", 4, "b")
    found = CATALOG.read(text)
    assert found == expected
    assert [type(each) for each in found] == [type(each) for each in expected]
    assert CATALOG.read(DataSpec.parse(text)) == expected
    assert CATALOG.load("many-drawn", "a/b", share=0.5, seed=3, allow_subset=True, camera=r"c(\d)", shots=4, kind="b") == expected
    assert CATALOG.read("many-drawn:x?camera=none&shots=none") == CATALOG.read("many-drawn:x")
    assert CATALOG.read("many-drawn:x?camera=1,2")[6] == "1,2"
    assert CATALOG.read("many-drawn:x") == ("many", Path("x"), "drawn", 0.2, 0, False, None, None, "a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("many-drawn:x?share=much", r"option share of many-drawn:x\?share=much is 'much': .*number"),
        ("many-drawn:x?seed=1.5", "option seed of .* is '1.5'"),
        ("many-drawn:x?allow_subset=perhaps", "option allow_subset of .* is 'perhaps'"),
        ("many-drawn:x?kind=c", "option kind of .* is 'c': .*'a' or 'b'"),
        ("many-drawn:x?boxes=1", "dataset 'many-drawn' has no option 'boxes': it takes share, seed, allow_subset, camera, shots, kind"),
        ("many-fixed:x?seed=1", "dataset 'many-fixed' has no option 'seed': it takes share, allow_subset, camera, shots, kind"),
        ("plain:x?root=y", "dataset 'plain' has no option 'root': it takes none"),
        ("many-drawn", "dataset 'many-drawn' needs a folder: write many-drawn:FOLDER"),
        ("many-drwan:x", r"unknown dataset 'many-drwan': did you mean many-drawn\?"),
        ("zzz", "unknown dataset 'zzz': choose one of plain, many-drawn, many-fixed"),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_read(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        CATALOG.read(text)
    with pytest.raises(InputError, match=message):
        CATALOG.check(text)


def test_a_dataset_that_comes_with_a_package_needs_no_folder() -> None:
    assert CATALOG.read("plain") == CATALOG.load("plain") == ("plain", Path("inside"))
    assert CATALOG.read("plain:elsewhere") == ("plain", Path("elsewhere"))
    assert [CATALOG.needs_root(name) for name in CATALOG.readers] == [False, True, True]


def test_the_home_folder_is_put_in_wherever_the_spec_is_from() -> None:
    assert CATALOG.load("plain", "~/data") == ("plain", Path.home() / "data")


def test_a_check_compares_with_the_protocol_unless_a_subset_is_asked_for() -> None:
    def told(done: int, total: int) -> None: ...

    found = CATALOG.check("many-drawn:x", open_images=True, progress=told)
    assert found == Checked(CATALOG.read("many-drawn:x"), "the protocol's counts", open_images=True, progress=told)
    expected = {
        text: CATALOG.check(f"many-drawn:x?allow_subset={text}").expected  # type: ignore[attr-defined]
        for text in ("true", "false")
    }
    assert expected == {"true": None, "false": "the protocol's counts"}
    assert CATALOG.check("many-fixed:x").expected is None  # type: ignore[attr-defined]
    subset = CATALOG.check("many-drawn:x", subset=True)
    assert subset == Checked(CATALOG.read("many-drawn:x?allow_subset=true"), None, open_images=False, progress=None)
