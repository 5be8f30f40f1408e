"""Files of ONNX: damaged, foreign, or of another kind; and what is needed to use them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

import rga
from rga.classification.model import ClassificationModel
from rga.errors import InputError, MissingFileError
from rga.images.preprocessing import Preprocessing
from rga.reid.model import ReidModel
from rga.runtime.description import KEY, Description
from rga.runtime.opening import open_model

SIZE = Preprocessing(4, 2)


def foreign(
    path: Path, *, outputs: tuple[int, ...] = (0, 24), said: str | None = None, shape: tuple[str | int, ...] = ("n", 3, 4, 2)
) -> Path:
    """A graph that flattens images: 24 features."""
    images = helper.make_tensor_value_info("data", TensorProto.FLOAT, shape)
    found = helper.make_tensor_value_info("found", TensorProto.FLOAT, ["n", *outputs[1:]])
    goal = helper.make_tensor("goal", TensorProto.INT64, [len(outputs)], outputs)
    node = helper.make_node("Reshape", ["data", "goal"], ["found"])
    model = helper.make_model(helper.make_graph([node], "flatten", [images], [found], [goal]), opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    if said is not None:
        helper.set_model_props(model, {KEY: said})
    onnx.save(model, path)
    return path


def test_a_foreign_network_gives_features_once_its_preprocessing_is_named(tmp_path: Path) -> None:
    path = foreign(tmp_path / "foreign.onnx")
    with pytest.raises(InputError, match=r"was not exported by rga and does not say how images are prepared.*preprocessing=Preprocessing"):
        rga.load(path)
    model = rga.load(path, preprocessing=SIZE)
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 2, 3), dtype=np.uint8)
    expected = (images / np.float32(255) - SIZE.mean) / SIZE.std
    np.testing.assert_allclose(model.embed(images), expected.transpose(0, 3, 1, 2).reshape(3, -1), atol=1e-5)
    assert (model.trained_on, model.threshold, model.weights) == ({}, None, "")


@pytest.mark.parametrize(
    ("file", "preprocessing", "message"),
    [
        ({}, Preprocessing(8, 2), "takes images of 4x2, and the preprocessing makes"),
        ({"shape": ("n", 1, 4, 6)}, Preprocessing(4, 6), r"expected one input \(N, 3, height, width\)"),
        ({"outputs": (0, 3, 8)}, SIZE, r"expected features \(N, D\) as its first output"),
    ],
)
def test_networks_that_give_no_features(
    tmp_path: Path, file: dict[str, tuple[int, ...]], preprocessing: Preprocessing, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        open_model(foreign(tmp_path / "foreign.onnx", **file), preprocessing=preprocessing)  # type: ignore[arg-type]


def described(**changes: object) -> str:
    """What a file of ours says."""
    own = json.loads(Description("reid", SIZE, "normalised", "w", {}, feature="neck").to_json())
    return json.dumps({**own, **changes})


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        (described(format=2), "in format 2, and this version reads formats up to 1: update rga"),
        (described(preprocessing={"height": 4}), "is damaged"),
        (described(task="detection"), "unknown task 'detection'"),
        (described(takes="floats"), "unknown input 'floats'"),
        (described(feature="head"), "unknown feature 'head'"),
        (described(), "has no output 'pooled'"),
    ],
)
def test_what_a_file_says_is_checked(tmp_path: Path, said: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rga.load(foreign(tmp_path / "model.onnx", said=said))


def test_files_that_are_damaged_or_not_there(tmp_path: Path) -> None:
    path = foreign(tmp_path / "foreign.onnx")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match=r"is no file of ONNX that onnxruntime .* can run"):
        rga.load(path, preprocessing=SIZE)
    with pytest.raises(MissingFileError, match="there is no file"):
        rga.load(tmp_path / "nothing.onnx")


def test_a_preprocessing_is_named_where_it_is_needed_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="says itself how images are prepared for it: leave preprocessing out"):
        rga.load(foreign(tmp_path / "model.onnx", said=described()), preprocessing=SIZE)
    with pytest.raises(InputError, match="leave preprocessing out"):
        rga.load(tmp_path, preprocessing=SIZE)


def test_the_kind_is_compared(tmp_path: Path) -> None:
    path = foreign(tmp_path / "foreign.onnx")
    assert rga.load(path, ReidModel, preprocessing=SIZE)
    with pytest.raises(InputError, match="is for reid: use rga embed with it"):
        rga.load(path, ClassificationModel, preprocessing=SIZE)


NEEDS_NO_MORE = """
import sys
LEFT_OUT = {"torch", "torchvision", "timm", "pydantic", "tyro", "rich", "safetensors", "huggingface_hub", "filelock", "jinja2", "scipy"}

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in LEFT_OUT:
            raise ModuleNotFoundError(f"{name} was imported", name=name)

sys.meta_path.insert(0, Blocked())
import rga
from rga.images.preprocessing import Preprocessing
from PIL import Image
model = rga.load(sys.argv[1], preprocessing=Preprocessing(4, 2))
print(model.embed([Image.new("L", (5, 9)), sys.argv[2]], num_workers=2).shape)
"""


def test_numpy_pillow_and_onnxruntime_are_enough(tmp_path: Path) -> None:
    path = foreign(tmp_path / "foreign.onnx")
    Image.new("RGB", (7, 7)).save(tmp_path / "image.png")
    done = subprocess.run([sys.executable, "-c", NEEDS_NO_MORE, path, tmp_path / "image.png"], capture_output=True, text=True, check=False)
    assert done.stdout == "(2, 24)\n", done.stderr
