"""Detectors in files of ONNX: what they get, and the layouts of what they give."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rga.errors import InputError, MissingFileError
from rga.gallery.enrolment import Frame
from rga.gallery.enrolment.detectors.onnx_detector import OnnxDetector, fit

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def write(path: Path, shape: list[int | str], outputs: dict[str, np.ndarray], *, lit: str = "") -> Path:
    """A graph that gives constants; those of the output ``lit`` are multiplied with the red of the input's middle pixel."""
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    middle = [side // 2 if isinstance(side, int) else 0 for side in shape[-2:]]
    starts = np.array([0] * (len(shape) - 2) + middle, dtype=np.int64)
    nodes: list[Any] = [
        helper.make_node("Slice", ["images", "starts", "ends"], ["pixel"]),
        helper.make_node("ReduceMax", ["pixel"], ["red"], keepdims=0),
    ]
    initialisers = [numpy_helper.from_array(starts, "starts"), numpy_helper.from_array(starts + 1, "ends")]
    described = []
    for name, values in outputs.items():
        initialisers.append(numpy_helper.from_array(values, f"{name}_values"))
        second = ["Mul", [f"{name}_values", "red"]] if name == lit else ["Identity", [f"{name}_values"]]
        nodes.append(helper.make_node(second[0], second[1], [name]))
        described.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(values.dtype), list(values.shape)))
    image = helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "detector", [image], described, initialisers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def scene(height: int = 100, width: int = 200) -> Frame:
    """A frame that is red as a whole: 204 of 255."""
    return Frame(np.full((height, width, 3), (204, 10, 20), dtype=np.uint8))


def torchvision_outputs() -> dict[str, np.ndarray]:
    return {
        "2546": np.array([[10, 20, 30, 60], [1, 1, 9, 9], [5, 5, 5, 9], [2, 2, 8, 8]], dtype=np.float32),
        "2547": np.array([1.0, 1.0, 1.0, 0.5], dtype=np.float32),
        "2548": np.array([1, 3, 1, 1], dtype=np.int64),
    }


def test_torchvision_gets_the_frame_as_it_is(tmp_path: Path) -> None:
    file = write(tmp_path / "a.onnx", [3, "height", "width"], torchvision_outputs(), lit="2547")
    found = OnnxDetector(file)(scene())
    assert found.boxes.tolist() == [[10, 20, 20, 40]]  # neither another class, nor one without width, nor an unsure one
    assert found.scores.tolist() == pytest.approx([0.8])  # RGB from 0 to 1
    assert len(OnnxDetector(file, person=3)(scene())) == 1


def test_a_frame_is_fitted_into_a_fixed_input_and_boxes_come_back(tmp_path: Path) -> None:
    outputs = {"output0": np.zeros((1, 84, 100), dtype=np.float32)}
    outputs["output0"][0, :5, 0] = [160, 160, 32, 64, 1.0]
    outputs["output0"][0, :5, 1] = [161, 160, 32, 64, 0.9]  # the same person again
    outputs["output0"][0, :5, 2] = [40, 160, 32, 64, 0.4]  # unsure
    outputs["output0"][0, [0, 1, 2, 3, 5], 3] = [250, 160, 32, 64, 1.0]  # a bicycle
    found = OnnxDetector(write(tmp_path / "yolo.onnx", [1, 3, 320, 320], outputs))(scene())
    assert found.boxes.round(6).tolist() == [[90, 30, 20, 40]]  # 320 / 200 = 1.6, 80 rows of grey above
    assert len(OnnxDetector(tmp_path / "yolo.onnx", max_overlap=1.0)(scene())) == 2
    assert len(OnnxDetector(tmp_path / "yolo.onnx", person=1)(scene())) == 1
    with pytest.raises(InputError, match=r"gives .*expected boxes"):
        OnnxDetector(tmp_path / "yolo.onnx", person=80)(scene())


def test_yolo_with_suppression_inside(tmp_path: Path) -> None:
    rows = np.array([[[10, 20, 30, 60, 0.9, 0], [10, 20, 30, 60, 0.9, 2], [1, 1, 9, 9, 0.1, 0]]], dtype=np.float32)
    file = write(tmp_path / "yolo.onnx", ["batch", 3, "height", "width"], {"output0": rows})
    detector = OnnxDetector(file, size=(200, 400))
    assert detector(scene()).boxes.tolist() == [[5, 10, 10, 20]]
    assert detector(scene()).scores.tolist() == pytest.approx([0.9])


def test_fitting_keeps_the_shape_and_puts_grey_beside() -> None:
    fitted = fit(scene().image, (64, 64))
    assert (fitted.scale, fitted.offset) == (0.32, (0, 16))
    assert (fitted.image[:16] == 114).all()
    assert (fitted.image[48:] == 114).all()
    assert (fitted.image[16:48] == (204, 10, 20)).all()
    assert fit(scene().image, None).image is not None


@pytest.mark.parametrize("shape", [[1, 4, 32, 32], [3, 32], [4, 3, 32, 32]])
def test_other_inputs(tmp_path: Path, shape: list[int | str]) -> None:
    with pytest.raises(InputError, match="expected one input"):
        OnnxDetector(write(tmp_path / "a.onnx", shape, torchvision_outputs()))


@pytest.mark.parametrize(
    "outputs", [{"a": np.zeros((1, 100, 85), np.float32)}, {"a": np.zeros((4, 4), np.float32)}, {"a": np.zeros((2, 84, 100), np.float32)}]
)
def test_other_outputs(tmp_path: Path, outputs: dict[str, np.ndarray]) -> None:
    detector = OnnxDetector(write(tmp_path / "a.onnx", [1, 3, 32, 32], outputs))
    with pytest.raises(InputError, match=r"a\.onnx gives .*'a': 'float32 .*expected boxes \(N, 4\)"):
        detector(scene())


def test_wrong_options(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        OnnxDetector(tmp_path / "a.onnx")
    with pytest.raises(InputError, match="min_score must lie between 0 and 1"):
        OnnxDetector(tmp_path / "a.onnx", min_score=2)
