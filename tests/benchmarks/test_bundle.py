"""The bundle for a machine without a network: the data as they were, only smaller, and a script that runs."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from rga.errors import ExistingFileError, InputError


@pytest.fixture
def bundle(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("bundle")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    root = tmp_path / "people"
    (root / "query").mkdir(parents=True)
    Image.new("RGB", (64, 128), "red").save(root / "query" / "0001_c1s1_000001_01.jpg")
    Image.new("L", (20, 40)).save(root / "query" / "0002_c1s1_000001_01.png")
    (root / "protocol.mat").write_bytes(b"as it is")
    return root


def test_images_get_smaller_and_all_else_stays(bundle: ModuleType, dataset: Path, tmp_path: Path) -> None:
    said = bundle.main([f"market1501:{dataset}?x=1", "-o", str(tmp_path / "bundle"), "--size", "72", "36", "--no-wheels"])
    assert said.startswith("2 images, ")
    packed = tmp_path / "bundle" / "data"
    assert (packed / "protocol.mat").read_bytes() == b"as it is"
    sizes = {path.name: Image.open(path).size for path in (packed / "query").iterdir()}
    assert sizes == {"0001_c1s1_000001_01.jpg": (36, 72), "0002_c1s1_000001_01.png": (20, 40)}


def test_the_script_names_the_packed_data(bundle: ModuleType, dataset: Path, tmp_path: Path) -> None:
    bundle.main([f"market1501:{dataset}?x=1", "-o", str(tmp_path / "bundle"), "--no-wheels", "--tables", "datasets", "gates"])
    text = (tmp_path / "bundle" / "run.sh").read_text()
    assert f'rga reproduce datasets gates --scale laptop --data "market1501:{tmp_path / "bundle" / "data"}?x=1"' in text
    shell = shutil.which("sh")
    assert shell is not None
    subprocess.run([shell, "-n", str(tmp_path / "bundle" / "run.sh")], check=True)


def test_what_cannot_be_packed_is_refused(bundle: ModuleType, dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "bundle" / "data").mkdir(parents=True)
    with pytest.raises(ExistingFileError, match="data is there already"):
        bundle.main([f"market1501:{dataset}", "-o", str(tmp_path / "bundle"), "--no-wheels"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="there are no images in"):
        bundle.main([f"market1501:{tmp_path / 'empty'}", "-o", str(tmp_path / "other"), "--no-wheels"])
    with pytest.raises(InputError, match="digits has no folder to pack"):
        bundle.main(["digits", "-o", str(tmp_path / "third"), "--no-wheels"])


def test_the_wheels_alone_come_with_a_script_that_uses_them(
    bundle: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(bundle, "fetch_wheels", lambda _target, _python, packages: asked.extend(packages))
    assert bundle.main(["-o", str(tmp_path / "bundle")]).startswith("0 images, ")
    assert "pydantic" in asked
    assert not set(asked) & set(bundle.WEIGHTS)
    assert not (tmp_path / "bundle" / "run.sh").exists()
    fake = tmp_path / "bin" / "python3"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\necho "$@" >> "$TMPDIR/called"\n')
    fake.chmod(0o755)
    environment = {"PATH": f"{fake.parent}:/usr/bin:/bin", "TMPDIR": str(tmp_path)}
    command = ["bash", str(tmp_path / "bundle" / "with-wheels.sh"), "sh", "-c", 'echo "$PYTHONPATH"; exit 7']
    ended = subprocess.run(command, env=environment, cwd=project, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (7, f"{project}/src:{tmp_path}/rga-site\n")
    assert f"--target {tmp_path}/rga-site {tmp_path}/bundle/wheels/*.whl" in (tmp_path / "called").read_text()
