"""Models in files of OpenVINO: the same numbers, and what is refused."""

from __future__ import annotations

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rga
from rga.deploy.exporting import Exported, export
from rga.errors import ExistingFileError, InputError, MissingFileError, MissingPackageError
from rga.reid.model import ReidModel
from rga.runtime.opening import open_model
from rga.segmentation.model import SegmentationModel
from rga.storage.files import write_with_companions
from rga.storage.saved_model import save_model

pytestmark = pytest.mark.slow

pytest.importorskip("openvino")

RNG = np.random.default_rng(0)
IMAGES = [Image.fromarray(RNG.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in ((32, 16), (100, 40), (30, 77), (41, 64))]


@pytest.fixture(scope="module")
def written(reid: ReidModel, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A re-ID network in files of OpenVINO."""
    return export(reid, tmp_path_factory.mktemp("openvino") / "model.xml", to="openvino")


def test_features_are_those_of_the_model(reid: ReidModel, written: Exported) -> None:
    assert sorted(path.name for path in written.path.parent.iterdir()) == ["model.bin", "model.xml"]
    assert written.agreement.relative < 1e-4
    model = rga.load(written.path)
    np.testing.assert_allclose(model.embed(IMAGES), reid.embed(IMAGES), atol=1e-4)
    np.testing.assert_allclose(model.embed(IMAGES, feature="pooled", flip=True), reid.embed(IMAGES, feature="pooled", flip=True), atol=1e-4)
    assert model.description == written.description
    assert model.session.inputs == {"images": ["?", 3, 32, 16]}
    assert model.session.outputs["neck"] == ["?", reid.neck.num_features]


def test_numbers_are_float32_on_every_cpu(written: Exported) -> None:
    session: Any = rga.load(written.path).session
    assert session.opened.get_property("INFERENCE_PRECISION_HINT").to_string() == "f32"


def test_openvino_reads_files_of_onnx(reid: ReidModel, exported: Exported) -> None:
    model = rga.load(exported.path, runtime="openvino")
    assert type(model.session).__name__ == "OpenvinoSession"
    assert model.description == exported.description
    np.testing.assert_allclose(model.embed(IMAGES), reid.embed(IMAGES), atol=1e-4)


def test_threads_may_share_a_model(written: Exported) -> None:
    model = open_model(written.path, threads=1)
    batches = [np.full((2, 3, 32, 16), value, np.float32) for value in range(8)]
    alone = [model.run(batch, "neck")[0] for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda batch: model.run(batch, "neck")[0], batches * 4))
    for found, expected in zip(together, alone * 4, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_label_maps_are_those_of_the_model(segmenter: SegmentationModel, tmp_path: Path) -> None:
    export(segmenter, tmp_path / "model.xml", to="openvino")
    for ours, theirs in zip(rga.load(tmp_path / "model.xml").segment(IMAGES), segmenter.segment(IMAGES), strict=True):
        np.testing.assert_allclose(ours.confidence, theirs.confidence, atol=1e-4)
        np.testing.assert_array_equal(ours.labels, theirs.labels)


def copied(written: Exported, folder: Path) -> Path:
    """Both files in another folder: the path of the first."""
    for name in ("model.xml", "model.bin"):
        shutil.copy(written.path.with_name(name), folder / name)
    return folder / "model.xml"


def test_files_that_are_damaged_or_do_not_belong_together(written: Exported, tmp_path: Path) -> None:
    path = copied(written, tmp_path)
    weights = bytearray(path.with_suffix(".bin").read_bytes())
    weights[len(weights) // 2] ^= 1
    path.with_suffix(".bin").write_bytes(weights)
    with pytest.raises(InputError, match=r"model.bin does not hold the weights of .*model.xml: it is damaged, or of another export"):
        rga.load(path)
    path.with_suffix(".bin").unlink()
    with pytest.raises(MissingFileError, match=r"there is no file .*model.bin: a model of OpenVINO is two files"):
        rga.load(path)
    path = copied(written, tmp_path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"model.xml is no model that OpenVINO [\d.]+ can run \((?!Exception).*\): it is damaged"):
        rga.load(path)
    with pytest.raises(MissingFileError, match=r"expected a model that rga export wrote, or another file .onnx or .xml"):
        rga.load(tmp_path / "nothing.xml")


def test_runtimes_that_cannot_be(written: Exported, exported: Exported, reid: ReidModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a file of OpenVINO, which onnxruntime does not read"):
        rga.load(written.path, runtime="onnxruntime")
    with pytest.raises(InputError, match="unknown runtime 'tensorrt': choose one of onnxruntime, openvino"):
        rga.load(exported.path, runtime="tensorrt")  # type: ignore[call-overload]
    save_model(reid, tmp_path / "model", {})
    with pytest.raises(InputError, match="is run by PyTorch: leave runtime out"):
        rga.load(tmp_path / "model", runtime="openvino")


def test_a_foreign_model_needs_its_preprocessing(reid: ReidModel, written: Exported, tmp_path: Path) -> None:
    import openvino  # noqa: PLC0415  skipped above where it is not there

    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})
    model = core.read_model(written.path)
    foreign = openvino.Model(model.outputs, model.get_parameters(), "foreign")
    openvino.save_model(foreign, tmp_path / "foreign.xml", compress_to_fp16=False)
    with pytest.raises(InputError, match="was not exported by rga"):
        rga.load(tmp_path / "foreign.xml")
    found = rga.load(tmp_path / "foreign.xml", preprocessing=reid.preprocessing).embed(IMAGES)
    np.testing.assert_allclose(found, rga.load(written.path).embed(IMAGES, feature="pooled"), atol=1e-5)


def test_batches_are_refused_in_one_line(written: Exported) -> None:
    with pytest.raises(InputError, match=r"cannot be run on images of the shape \(1, 3, 8, 8\): (?!Exception)"):
        rga.load(written.path).run(np.zeros((1, 3, 8, 8), np.float32), "neck")


def test_neither_file_is_replaced(reid: ReidModel, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_text("mine")
    with pytest.raises(ExistingFileError, match=r"model.bin is there already"):
        export(reid, tmp_path / "model.xml", to="openvino")
    with pytest.raises(InputError, match="OpenVINO resizes images without smoothing, and Pillow smooths"):
        export(reid, tmp_path / "other.xml", to="openvino", preprocessing_inside=True)
    with pytest.raises(InputError, match=r"MODEL.XML is no name for a file of openvino: it ends in .xml"):
        export(reid, tmp_path / "MODEL.XML", to="openvino")
    with pytest.raises(InputError, match=r"model.onnx is no name for a file of openvino: it ends in .xml"):
        export(reid, tmp_path / "model.onnx", to="openvino")
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]


def test_a_file_and_its_companions_are_replaced_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.xml"

    def write(file: Path) -> None:
        file.write_text("new")
        file.with_suffix(".bin").write_text("new")

    own = Path.replace

    def no_weights(self: Path, target: Path) -> Path:
        if self.suffix == ".bin":
            raise PermissionError(13, "in use", str(target))
        return own(self, target)

    def fail(file: Path) -> None:
        write(file)
        raise OSError("full")

    write_with_companions(path, write)
    with pytest.raises(OSError, match="full"):
        write_with_companions(path, fail)
    monkeypatch.setattr(Path, "replace", no_weights)
    with pytest.raises(PermissionError, match="in use"):
        write_with_companions(path, lambda file: (file.write_text("other"), file.with_suffix(".bin").write_text("other")))
    monkeypatch.undo()
    assert sorted((each.name, each.read_text()) for each in tmp_path.iterdir()) == [("a.bin", "new"), ("a.xml", "new")]


def test_without_openvino(reid: ReidModel, written: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    for use in (lambda: rga.load(written.path), lambda: export(reid, tmp_path / "model.xml", to="openvino")):
        with pytest.raises(MissingPackageError, match=r"rga\[openvino\]"):
            use()
