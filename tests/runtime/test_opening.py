"""Files of ONNX: damaged, foreign, or of another kind; and what is needed to use them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

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
from rga.runtime.reading import read_batches
from rga.runtime.session import is_model_file
from rga.synthetic.people.people import PeopleOptions, make_people

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
        (described(task="classification", takes="bytes"), "graphs that take bytes are those of re-identification"),
        (described(), "has no output 'neck'"),
        (described(preprocessing={"height": 4, "width": 2, "mean": [0.5, 0.5], "std": [0.5, 0.5, 0.5]}), "is damaged"),
        (described(trained_on=None), "trained_on and classes are objects"),
        (described(task="classification"), "has the names of two classes or more, got None"),
        (described(task="segmentation"), "is damaged"),
        (described(crop_pct="x"), "crop_pct is a positive number, got 'x'"),
        (described(threshold={"distance": 0.4}), "a threshold has the fields"),
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


def test_a_batch_that_is_not_free_is_filled_up(tmp_path: Path) -> None:
    model = rga.load(foreign(tmp_path / "foreign.onnx", shape=(2, 3, 4, 2)), preprocessing=SIZE)
    free = rga.load(foreign(tmp_path / "free.onnx"), preprocessing=SIZE)
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 2, 3), dtype=np.uint8)
    np.testing.assert_array_equal(model.embed(images), free.embed(images))
    with pytest.raises(InputError, match="has no feature 'neck': it has pooled"):
        model.embed(images, feature="neck")


def test_folders_and_names_on_the_hub_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.onnx").mkdir()
    foreign(tmp_path / "file.onnx")
    assert is_model_file(tmp_path / "file.onnx")
    assert is_model_file(str(tmp_path / "missing.onnx"))
    assert not is_model_file(".onnx")
    (tmp_path / "model.ort").write_text("")
    with pytest.raises(InputError, match=r"ends in '.ort', which no runtime is known by: expected a file .onnx or .xml"):
        open_model(tmp_path / "model.ort")
    assert not any(map(is_model_file, (tmp_path / "folder.onnx", "hf-hub:owner/model.onnx", b"file.onnx", 7, "file.pt2")))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert rga.load("~/file.onnx", preprocessing=SIZE).embed([]).shape == (0, 24)


def test_a_foreign_network_is_evaluated_like_others(tmp_path: Path) -> None:
    root = make_people(tmp_path / "people", PeopleOptions(identities=4, cameras=2, images_per_camera=2, distractors=0, junk=0))
    model = rga.load(foreign(tmp_path / "foreign.onnx"), preprocessing=SIZE)
    result: Any = rga.evaluate(model, f"market1501:{root}").result
    assert result.results["pooled"].mAP == result.results["neck"].mAP > 0
    with pytest.raises(InputError, match="calibrate the model, and export it again"):
        rga.calibrate(model, f"market1501:{root}")


def test_the_kind_is_compared(tmp_path: Path) -> None:
    path = foreign(tmp_path / "foreign.onnx")
    assert rga.load(path, ReidModel, preprocessing=SIZE)
    with pytest.raises(InputError, match="is for reid: use rga embed with it"):
        rga.load(path, ClassificationModel, preprocessing=SIZE)


def test_threads_take_turns_at_an_image_that_reads_from_one_file(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 1200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    with Image.open(tmp_path / "large.png") as lazy:
        (batch,) = read_batches([lazy] * 8, lambda image: np.asarray(image, np.float32), 8, threads=8)
    np.testing.assert_array_equal(batch, np.broadcast_to(noise, batch.shape))


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
model = rga.load(sys.argv[1], preprocessing=Preprocessing(4, 2), runtime=sys.argv[3])
print(model.embed([Image.new("L", (5, 9)), sys.argv[2]], num_workers=2).shape)
"""


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_numpy_pillow_and_a_runtime_are_enough(tmp_path: Path, runtime: str) -> None:
    pytest.importorskip(runtime)
    path = foreign(tmp_path / "foreign.onnx")
    Image.new("RGB", (7, 7)).save(tmp_path / "image.png")
    words: list[str | Path] = [sys.executable, "-c", NEEDS_NO_MORE, path, tmp_path / "image.png", runtime]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout == "(2, 24)\n", done.stderr
