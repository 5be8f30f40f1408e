"""``rga export`` as a user types it, and the commands that take its files."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cli.terminal import rga
from rga.loading import load
from rga.storage.saved_model import weights_fingerprint

WORKERS = ("--num-workers", 0)


@pytest.mark.slow
def test_a_re_id_file_is_used_like_its_run(reid_run: Path, people: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "people.onnx"
    done = rga("export", reid_run, "-o", file)
    assert done.code == 0, done.err
    assert "largest differences to the model: cosine" in done.said
    assert f"written to {file}" in done.said
    assert rga("export", reid_run, "-o", file).code == 2
    for name, model in (("file", file), ("run", reid_run)):
        done = rga("embed", model, people / "query", "-o", tmp_path / f"{name}.npz", *WORKERS)
        assert done.code == 0, done.err
        done = rga("evaluate", model, "--data", f"market1501:{people}", "-o", tmp_path / f"{name}.json", *WORKERS)
        assert done.code == 0, done.err
    for name, model in (("file", file), ("run", reid_run)):
        words = ("--gallery", people / "bounding_box_test", "-o", tmp_path / f"{name}-search.json", "--top", 1)
        assert rga("search", model, people / "query", *words, *WORKERS).code == 0
    assert (tmp_path / "file-search.json").read_text().count('"image"') == (tmp_path / "run-search.json").read_text().count('"image"') > 0
    with np.load(tmp_path / "file.npz") as ours, np.load(tmp_path / "run.npz") as theirs:
        np.testing.assert_allclose(ours["features"], theirs["features"], atol=1e-4)
        assert ours["weights"] == theirs["weights"] == weights_fingerprint(load(reid_run))
    ours, theirs = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("file", "run"))
    assert ours["weights"] == theirs["weights"]
    assert ours["results"]["neck"]["mAP"] == pytest.approx(theirs["results"]["neck"]["mAP"], abs=0.02)  # hardly trained: many near ties
    done = rga("embed", file, people / "query", "-o", tmp_path / "other.npz", "--device", "cuda")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "runs on the CPU here" in done.err
    done = rga("segment", file, people / "query", "-o", tmp_path / "segmented")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "is for reid: use rga embed with it" in done.err


@pytest.mark.slow
def test_files_of_the_other_tasks(segmentation_run: Path, streets: Path, digits_run: Path, digit_images: Path, tmp_path: Path) -> None:
    for name, run in (("streets", segmentation_run), ("digits", digits_run)):
        done = rga("export", run, "-o", tmp_path / f"{name}.onnx")
        assert done.code == 0, done.err
    for name, model in (("file", tmp_path / "digits.onnx"), ("run", digits_run)):
        assert rga("classify", model, digit_images, "-o", tmp_path / f"{name}.json", *WORKERS).code == 0
        done = rga("evaluate", model, "--data", "digits", "-o", tmp_path / f"digits-{name}.json", *WORKERS)
        assert done.code == 0, done.err
    ours, theirs = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("file", "run"))
    for image, answers in theirs.items():
        assert [each["class"] for each in ours[image]] == [each["class"] for each in answers]
    ours, theirs = (json.loads((tmp_path / f"digits-{name}.json").read_text()) for name in ("file", "run"))
    assert ours["top1"] == pytest.approx(theirs["top1"], abs=1e-3)
    for name, model in (("file", tmp_path / "streets.onnx"), ("run", segmentation_run)):
        done = rga("evaluate", model, "--data", f"streets:{streets}", "-o", tmp_path / f"streets-{name}.json", *WORKERS)
        assert done.code == 0, done.err
    ours, theirs = (json.loads((tmp_path / f"streets-{name}.json").read_text()) for name in ("file", "run"))
    assert ours["mIoU"] == pytest.approx(theirs["mIoU"], abs=1e-3)


@pytest.mark.slow
def test_files_of_openvino_and_in_8_bit_integers(reid_run: Path, digits_run: Path, people: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    done = rga("export", reid_run, "--to", "openvino", "-o", tmp_path / "people.xml")
    assert done.code == 0, done.err
    assert f"written to {tmp_path / 'people.xml'} and {tmp_path / 'people.bin'}" in done.said
    for name, model in (("file", tmp_path / "people.xml"), ("run", reid_run)):
        assert rga("embed", model, people / "query", "-o", tmp_path / f"{name}.npz", *WORKERS).code == 0
    with np.load(tmp_path / "file.npz") as ours, np.load(tmp_path / "run.npz") as theirs:
        np.testing.assert_allclose(ours["features"], theirs["features"], atol=1e-4)
    done = rga("export", digits_run, "-o", tmp_path / "digits.onnx", "--int8", "--calibration-images", 20, "--max-drop", 0.5)  # own data
    assert done.code == 0, done.err
    assert "calibrated on 20 images: top-1 accuracy on digits" in done.said
    assert rga("evaluate", tmp_path / "digits.onnx", "-o", tmp_path / "digits.json", *WORKERS).code == 0
    assert f"-> {json.loads((tmp_path / 'digits.json').read_text())['top1']:.2%};" in done.said


@pytest.mark.slow
def test_files_for_programs(reid_run: Path, people: Path, tmp_path: Path) -> None:
    done = rga("export", reid_run, "--for", "boxmot", cwd=tmp_path)
    assert done.code == 0, done.err
    (file,) = tmp_path.glob("*.onnx")
    assert f"written to {file.name}, {file.name}.metadata.json" in done.said
    for name, model in (("file", file), ("run", reid_run)):
        assert rga("embed", model, people / "query", "-o", tmp_path / f"{name}.npz", *WORKERS).code == 0
    with np.load(tmp_path / "file.npz") as ours, np.load(tmp_path / "run.npz") as theirs:
        np.testing.assert_allclose(ours["features"], theirs["features"], atol=1e-4)
    done = rga("export", reid_run, "--for", "roboflow-reid", "-o", tmp_path / "folder")
    assert done.code == 0, done.err
    assert "rga.register_timm()" in done.said
    assert (tmp_path / "folder" / "reid_config.json").is_file()


def test_what_cannot_be_exported_is_said_in_one_line(reid_run: Path, tmp_path: Path) -> None:
    (tmp_path / "there.onnx").write_text("mine")
    shutil.copytree(reid_run / "best", tmp_path / "damaged")
    (tmp_path / "damaged" / "model.safetensors").write_bytes(b"damaged")
    for words, said in (
        ((tmp_path / "nothing",), "there is no model at"),
        ((reid_run, "-o", tmp_path / "there.onnx"), "there.onnx is there already"),
        ((reid_run, "-o", tmp_path / "new.onnx", "--tolerance", 2), "tolerance must lie between 0 and 1"),
        ((reid_run, "-o", tmp_path / "new.onnx", "--data", "digits"), "--data belongs to --int8"),
        ((reid_run, "-o", tmp_path / "new.onnx", "--max-drop", 0.1), "--max-drop belongs to --int8"),
        ((reid_run, "-o", tmp_path / "new.onnx", "--int8", "--max-drop", 1), "max_drop must be at least 0 and below 1"),
        ((reid_run, "--to", "exported-program", "-o", tmp_path / "new.pt2", "--int8"), "is not written in 8-bit integers"),
        ((reid_run, "--to", "openvino", "-o", tmp_path / "new.onnx"), "is no name for a file of openvino: it ends in .xml"),
        ((tmp_path / "damaged", "-o", tmp_path / "new.onnx"), "is damaged"),
        ((reid_run, "--for", "boxmot", "--preprocessing-inside"), "leave --to, --preprocessing-inside and --int8 out"),
        ((reid_run, "--for", "boxmot", "-o", tmp_path / "there.onnx"), "there.onnx"),
    ):
        done = rga("export", *words, cwd=tmp_path)
        assert (done.code, done.err.count("\n")) == (2, 1), done.said
        assert said in done.err
    assert rga("export", reid_run, "--to", "tflite").code == 2
    assert not (tmp_path / "new.onnx").exists()
    assert (tmp_path / "there.onnx").read_text() == "mine"
    done = rga("embed", tmp_path / "there.onnx", tmp_path, "-o", tmp_path / "features.npz")
    assert (done.code, done.err.count("\n")) == (2, 1)
