"""The comparison of the shipped model: what an OSNet is given, and what is measured; the rest is in tests/pretrained."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rga.errors import InputError, MissingFileError
from rga.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from rga.reid.datasets.samples import ReidData, Sample
from rga.reid.model import ReidModel

Script = Callable[[str], ModuleType]


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Six images of one colour each."""
    paths = [tmp_path / f"{number}.png" for number in range(6)]
    for number, path in enumerate(paths):
        Image.new("RGB", (8, 16), (10 * number, 20 * number, 30 * number)).save(path)
    return paths


def test_an_osnet_is_given_what_it_was_trained_with(script: Script, images: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []

    class Session:
        def __init__(self, file: str, options: Any, providers: list[str]) -> None:
            assert Path(file).name == "osnet.onnx"

        def get_inputs(self) -> list[Any]:
            return [SimpleNamespace(name="images")]

        def run(self, outputs: None, given: dict[str, Any]) -> list[Any]:
            shapes.append(given["images"].shape)
            return [given["images"].mean((2, 3))]

    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(SessionOptions=SimpleNamespace, InferenceSession=Session))
    file = images[0].with_name("osnet.onnx")
    file.touch()
    module = script("shipped_model")
    monkeypatch.setattr(module, "BATCH", 4)
    features = module.osnet_features(file, images)
    assert shapes == [(4, 3, 256, 128), (2, 3, 256, 128)]
    colours = np.arange(6)[:, None] * np.array([[10, 20, 30]]) / 255
    np.testing.assert_allclose(features, (colours - IMAGENET_MEAN) / IMAGENET_STD, atol=1e-4)


def test_what_an_osnet_needs_is_said(script: Script, images: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    module = script("shipped_model")
    with pytest.raises(MissingFileError, match=r"there is no file .*nowhere\.onnx"):
        module.osnet_features(images[0].with_name("nowhere.onnx"), images)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match="needs onnxruntime, which is not installed: pip install onnxruntime, or leave --osnet out"):
        module.osnet_features(images[0], images)


def test_figures_are_those_of_the_ranking(script: Script, images: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    query = (Sample(images[0], 1, 1), Sample(images[1], 2, 1))
    gallery = (Sample(images[2], 1, 2), Sample(images[3], 2, 2))
    data = ReidData("two", query, query, gallery, images[0].parent)
    features = np.array([[1, 0], [1, 0.1], [1, 0], [0, 1]], np.float32)  # the second query finds the wrong one first
    found = script("shipped_model").measured("colours", features, data)
    assert found == {"name": "colours", "mAP": 0.75, "R1": 0.5, "mINP": 0.75}
    assert capsys.readouterr().out == "colours: mAP 75.0, R1 50.0, mINP 75.0\n"


def test_the_speed_is_that_of_one_thread(script: Script) -> None:
    threads = torch.get_num_threads()
    found = script("shipped_model").speed(ReidModel("test_resnet", image_size=(16, 8), attention="none").eval(), rounds=2)
    assert found["images_per_second"] > 0
    assert found["batch_size"] == 64
    assert torch.get_num_threads() == threads
