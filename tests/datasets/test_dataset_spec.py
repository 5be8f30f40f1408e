"""A dataset as it is written: what is read is what was meant, and what is wrong is named."""

import json
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from rga.datasets.spec import DataSpec
from rga.errors import InputError

NAMES = st.from_regex(r"[a-z][a-z0-9-]{1,12}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
FOLDERS = TEXTS.filter(lambda text: not text.startswith("~")).map(Path)
OPTIONS = st.dictionaries(st.text(ascii_lowercase + "_", min_size=1, max_size=8), TEXTS, max_size=3)


@given(NAMES, st.none() | FOLDERS, OPTIONS)
def test_what_is_written_is_read(name: str, root: Path | None, options: dict[str, str]) -> None:
    spec = DataSpec(name, root, options)
    assert DataSpec.parse(str(spec)) == spec
    assert TypeAdapter(DataSpec).validate_python(json.loads(json.dumps(str(spec)))) == spec


@pytest.mark.parametrize(
    ("text", "name", "root", "options"),
    [
        ("market1501:data/market1501", "market1501", "data/market1501", {}),
        ("digits", "digits", None, {}),
        ("digits?seed=3", "digits", None, {"seed": "3"}),
        ("digits?note=a:b", "digits", None, {"note": "a:b"}),
        (r"folder:DIR?camera=_c(\d)s", "folder", "DIR", {"camera": r"_c(\d)s"}),
        (r"folder:DIR?camera=c(?:am)?(\d+)=?", "folder", "DIR", {"camera": r"c(?:am)?(\d+)=?"}),
        ("folder:DIR?camera=a%26(\\d)&seed=1", "folder", "DIR", {"camera": "a&(\\d)", "seed": "1"}),
        ("folder:a%3Fb?test_fraction=0.3", "folder", "a?b", {"test_fraction": "0.3"}),
        (r"folder:C:\photos\of me", "folder", r"C:\photos\of me", {}),
        ("folder:D:/photos", "folder", "D:/photos", {}),
        ("csv:/a/b.csv?", "csv", "/a/b.csv", {}),
        ("folder:a=b&c", "folder", "a=b&c", {}),
        ("zips:DIR?empty=", "zips", "DIR", {"empty": ""}),
    ],
)
def test_forms(text: str, name: str, root: str | None, options: dict[str, str]) -> None:
    assert DataSpec.parse(text) == DataSpec(name, None if root is None else Path(root), options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' does not name a dataset: write NAME:FOLDER"),
        (r"C:\photos", r"'C:\\\\photos' does not name a dataset.*\(for a folder of your own: folder:C:\\photos\)"),
        ("data/photos", r"\(for a folder of your own: folder:data/photos\)"),
        ("Market1501:x", "'Market1501:x' does not name a dataset"),
        ("folder:x?seed", "'seed' in 'folder:x\\?seed' is not an option of a dataset.*%26 for & within a value"),
        ("folder:x?camera=a&b", "'b' in .* is not an option"),
        ("folder:x?two words=1", "'two words=1' in .* is not an option"),
        ("folder:x?seed=1&seed=2", "option 'seed' stands twice"),
        ("folder:~nobody-of-this-name/x", "~nobody-of-this-name/x: .*write ./~nobody"),
    ],
)
def test_what_is_wrong_is_named(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        DataSpec.parse(text)


def test_names_are_checked_however_a_spec_is_made() -> None:
    with pytest.raises(InputError, match="'My data' is not the name of a dataset: write NAME:FOLDER"):
        DataSpec("My data")
    wrong: Any = 3
    with pytest.raises(InputError, match="3 does not name a dataset"):
        DataSpec.parse(wrong)


def test_the_home_folder_is_put_in() -> None:
    assert DataSpec.parse("folder:~/photos").root == Path.home() / "photos"


def test_specs_are_values(tmp_path: Path) -> None:
    spec = DataSpec("folder", Path("a"), {"seed": 1})
    assert spec.at(str(tmp_path)) == DataSpec("folder", tmp_path, {"seed": 1})
    assert spec.with_options(seed=2, camera="c") == DataSpec("folder", Path("a"), {"seed": 2, "camera": "c"})
    assert spec == DataSpec("folder", Path("a"), {"seed": 1})
    assert hash(spec) == hash(spec.with_options(seed=2))


def test_options_that_are_none_are_left_out() -> None:
    assert str(DataSpec("folder", Path("a"), {"camera": None, "seed": 0})) == "folder:a?seed=0"
    assert DataSpec("folder", Path("a"), {"seed": 1}).with_options(seed=None) == DataSpec("folder", Path("a"))


@pytest.mark.parametrize(
    ("text", "others", "expected"),
    [
        ("folder:b", ["folder:a?seed=1&camera=c(.)"], "folder:b?seed=1&camera=c(.)"),
        ("folder:b?camera=none", ["folder:a?seed=1&camera=c(.)"], "folder:b?camera=none&seed=1"),
        ("folder:b", ["folder:a?seed=1", "folder:b?seed=2"], "folder:b?seed=2"),  # the same folder before the same reader
        ("folder:b", ["csv:b?seed=1"], "folder:b"),
        ("folder:b", [], "folder:b"),
    ],
)
def test_options_that_are_not_given_are_those_of_a_known_dataset_of_the_reader(text: str, others: list[str], expected: str) -> None:
    assert str(DataSpec.parse(text).like(*map(DataSpec.parse, others))) == expected
