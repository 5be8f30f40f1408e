"""``rga explain`` as a user types it, for models of all tasks and images of all kinds."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.terminal import TINY_REID, rga

FAST = ("--formats", "png")


@pytest.fixture(scope="session")
def plain_run(work: Path, people: Path) -> Path:
    """A re-ID run without attention."""
    words = ("train", "reid/generated", "--data", f"market1501:{people}", "-o", "plain-run", *TINY_REID)
    done = rga(*words, "--epochs", 1, "--attention", "none", cwd=work)
    assert done.code == 0, done.said
    return work / "plain-run"


@pytest.fixture
def queries(people: Path) -> list[Path]:
    return sorted((people / "query").iterdir())[:2]


@pytest.mark.slow
def test_reid_beside_a_plain_network(reid_run: Path, plain_run: Path, queries: list[Path], tmp_path: Path) -> None:
    done = rga("explain", reid_run, *queries, "-o", tmp_path / "out", "--beside", plain_run, "--position", 0.2, 0.5, "--position", 0.8, 0.5)
    assert done.code == 0, done.err
    assert done.out == f"2 images explained: {tmp_path}/out/index.html\n"
    files = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file())
    figures = [
        f"images/{path.stem}/{kind}.{suffix}"
        for path in queries
        for kind in ("channels", "gates", "grad-cam", "relations")
        for suffix in ("png", "svg")
    ]
    assert files == sorted(["explorer.html", "index.html", "receptive-field.png", "receptive-field.svg", *figures])
    page = (tmp_path / "out" / "index.html").read_text()
    assert "What RGA-SC looked at in 2 images, beside plain." in page
    assert '<a href="explorer.html">Open the relation explorer</a>' in page
    assert "The score is that of the likeliest training identity." in page
    assert f"The score is the similarity with {queries[0].name}, whose map stands beside: red parts are more like" in page
    svg = (tmp_path / "out" / "receptive-field.svg").read_text()
    assert [name for name in ("plain", "RGA-SC", "left out") if f">{name}<" in svg] == ["plain", "RGA-SC", "left out"]
    relations = (tmp_path / "out" / f"images/{queries[0].stem}/relations.svg").read_text()
    assert ">0.20, 0.50<" in relations
    assert ">0.80, 0.50<" in relations
    with Image.open(tmp_path / "out" / f"images/{queries[0].stem}/gates.png") as drawn:
        assert drawn.width > drawn.height / 2


@pytest.mark.slow
def test_segmentation_and_a_class(segmentation_run: Path, streets: Path, tmp_path: Path) -> None:
    image = next(streets.rglob("*leftImg8bit.png"))
    done = rga("explain", segmentation_run, image, "-o", tmp_path / "out", "--target", "road", *FAST)
    assert done.code == 0, done.err
    assert "The score is that of the class road." in (tmp_path / "out" / "index.html").read_text()
    assert (tmp_path / "out" / "explorer.html").is_file()
    done = rga("explain", segmentation_run, image, "-o", tmp_path / "other", "--target", "raod", *FAST)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "there is no class 'raod': did you mean road" in done.err


@pytest.mark.slow
def test_classification_with_another_attention(digits_run: Path, digit_images: Path, tmp_path: Path) -> None:
    """Squeeze-and-excitation has channel gates and no relations: what there is, is drawn."""
    done = rga("explain", digits_run, digit_images, "-o", tmp_path / "out", *FAST)
    assert done.code == 0, done.err
    assert sorted(path.name for path in (tmp_path / "out" / "images" / "0").iterdir()) == ["channels.png", "grad-cam.png"]
    assert not (tmp_path / "out" / "explorer.html").exists()
    done = rga("explain", digits_run, digit_images, "-o", tmp_path / "other", "--write", "explorer", "gates")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "the model has no explorer and no gates to show" in done.err
    assert not (tmp_path / "other").exists()


@pytest.mark.slow
def test_a_plain_network_has_grad_cam_and_a_receptive_field(plain_run: Path, queries: list[Path], tmp_path: Path) -> None:
    done = rga("explain", plain_run, *queries, "-o", tmp_path / "out", *FAST)
    assert done.code == 0, done.err
    assert [path.name for path in (tmp_path / "out" / "images" / queries[1].stem).iterdir()] == ["grad-cam.png"]
    assert (tmp_path / "out" / "receptive-field.png").is_file()


@pytest.mark.slow
def test_images_of_every_kind(reid_run: Path, tmp_path: Path) -> None:
    """Grey, tiny, huge, CMYK, transparent and turned by its camera are explained; a broken one is named, and all others are done."""
    folder = tmp_path / "images"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (40, 20, 3), dtype=np.uint8)
    photo = Image.fromarray(noise)
    photo.convert("L").save(folder / "grey.png")
    photo.resize((1, 1)).save(folder / "tiny.png")
    photo.resize((3000, 6000)).save(folder / "huge.jpg")
    photo.convert("CMYK").save(folder / "cmyk.jpg")
    photo.convert("RGBA").save(folder / "transparent.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(folder / "turned.jpg", exif=exif)
    (folder / "broken.jpg").write_bytes((folder / "huge.jpg").read_bytes()[:2000])
    done = rga("explain", reid_run, folder, "-o", tmp_path / "out", "--write", "gates", "explorer", *FAST)
    assert done.code == 2
    assert "1 of 7 images cannot be read: " in done.err
    assert "broken.jpg" in done.err
    assert "all others are done" in done.err
    assert sorted(path.name for path in (tmp_path / "out" / "images").iterdir()) == [
        "cmyk",
        "grey",
        "huge",
        "tiny",
        "transparent",
        "turned",
    ]
    again = rga("explain", reid_run, folder, "-o", tmp_path / "out", "--write", "gates", "--skip-damaged", "--overwrite", *FAST)
    assert again.code == 0, again.err


def test_of_many_images_some_are_explained(reid_run: Path, people: Path, tmp_path: Path) -> None:
    count = len(list((people / "query").iterdir()))
    done = rga("explain", reid_run, people / "query", "-o", tmp_path / "out", "--write", "explorer", "--most", 2, *FAST)
    assert done.code == 0, done.err
    assert done.out == f"2 images of {count} (--most 0 for all) explained: {tmp_path}/out/index.html\n"
    assert rga("explain", reid_run, people / "query", "--most", -1).code == 2


def test_nothing_is_overwritten_unless_asked(reid_run: Path, queries: list[Path], tmp_path: Path) -> None:
    words = ("explain", reid_run, queries[0], "-o", tmp_path / "out", "--write", "gates", *FAST)
    assert rga(*words).code == 0
    before = (tmp_path / "out" / "index.html").stat().st_mtime_ns
    done = rga(*words)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "index.html is there already: name another file with --output, or replace it with --overwrite" in done.err
    assert (tmp_path / "out" / "index.html").stat().st_mtime_ns == before
    assert rga(*words, "--overwrite").code == 0


def test_mistakes_are_said_in_one_line(reid_run: Path, digits_run: Path, queries: list[Path], tmp_path: Path) -> None:
    for words, said in (
        (("--target", "0", "--similar-to", queries[0]), "a target is a class, similar_to an image whose similarity is explained"),
        (("--beside", digits_run), "is for classification, and"),
        (("--position", 0.5, 1.5), "a position is (down, across), each from 0 to 1; got (0.5, 1.5)"),
        (("--target", "99"), "training identities are numbered from 0 to 5, got '99'"),
        (("--similar-to", tmp_path / "nothing.jpg"), "nothing.jpg"),
    ):
        done = rga("explain", reid_run, queries[0], "-o", tmp_path / "out", *words, *FAST)
        assert (done.code, done.err.count("\n")) == (2, 1), done.said
        assert said in done.err
        assert not (tmp_path / "out" / "index.html").exists()


@pytest.mark.slow
def test_two_models_of_one_attention_are_told_apart(reid_run: Path, my_reid_run: Path, queries: list[Path], tmp_path: Path) -> None:
    done = rga("explain", reid_run, queries[0], "-o", tmp_path / "out", "--beside", my_reid_run, "--write", "receptive-field", *FAST)
    assert done.code == 0, done.err
    assert "What RGA-SC (reid-run) looked at in 1 image, beside RGA-SC (run)." in (tmp_path / "out" / "index.html").read_text()
    assert json.loads((reid_run / "best" / "config.json").read_text())["attention"] == "rga-sc"
