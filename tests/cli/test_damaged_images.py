"""``rga embed``, ``segment`` and ``classify``: a damaged image does not discard the answers of the others, and a rerun goes on."""

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cli.terminal import Done, contents, rga
from rga.classification.model import ClassificationModel
from rga.loading import load
from rga.reid.model import ReidModel
from rga.segmentation.datasets.classes import numbered
from rga.segmentation.model import SegmentationModel
from rga.storage.saved_model import save_model

VERBS = ("embed", "segment", "classify")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained model for each verb."""
    torch.manual_seed(0)
    home = tmp_path_factory.mktemp("models")
    two = numbered(("road", "[sky]"), ((128, 64, 128), (70, 130, 180))).to_dict()
    save_model(ReidModel("test_resnet", image_size=(32, 16), attention="none"), home / "embed", {})
    save_model(SegmentationModel("resnet10t", classes=two, image_size=(32, 32), attention="none", auxiliary=False), home / "segment", {})
    save_model(ClassificationModel("cifar-resnet20", ["[cat]", "dog:cat:"], size=16, attention="none"), home / "classify", {})
    return home


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are loaded once for all tests, which takes longer than what is tested."""
    monkeypatch.setattr("rga.cli.opened.load", load_cached)


@cache
def load_cached(folder: str, kind: type[Any]) -> Any:
    """A model from its folder."""
    return load(folder, kind)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Five images, of which the second and the fourth are damaged."""
    folder = tmp_path / "images"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name in "abcde":
        Image.fromarray(generator.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(folder / f"{name}.png")
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:500])
    (folder / "d.png").write_text("no image")
    return folder


def output_of(verb: str, folder: Path) -> Path:
    """What a verb writes."""
    return folder / {"embed": "out.npz", "segment": "out", "classify": "out.json"}[verb]


def run(verb: str, models: Path, images: Path, *words: object) -> Done:
    """Runs a verb on images, in batches of one: each is then a part whose answers are kept."""
    batches = () if verb == "segment" else ("--num-workers", 0, "--batch-size", 1)
    return rga(verb, models / verb, images, "-o", output_of(verb, images.parent), *batches, *words)


def answered(verb: str, folder: Path) -> dict[str, Any]:
    """What was written: name of an image -> the answer."""
    path = output_of(verb, folder)
    if verb == "embed":
        with np.load(path) as stored:
            return dict(zip((Path(name).stem for name in stored["paths"].tolist()), stored["features"].tolist(), strict=True))
    if verb == "segment":
        found = {name: file for name, file in contents(path).items() if not name.startswith("overlays")}
        stems = sorted(Path(name).stem for name in found if name.startswith("labels"))
        return {stem: [found[f"{kind}/{stem}.png"] for kind in ("labels", "confidence")] for stem in stems}
    return {Path(name).stem: row for name, row in json.loads(path.read_text()).items()}


def mend(images: Path) -> None:
    """Replaces the damaged images."""
    for name in "bd":
        shutil.copy(images / "a.png", images / f"{name}.png")


@pytest.mark.parametrize("verb", VERBS)
def test_the_others_are_answered_and_the_damaged_are_named(verb: str, models: Path, images: Path) -> None:
    done = run(verb, models, images)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "rga: 2 of 5 images cannot be read: " in done.err
    assert f"{images / 'b.png'} cannot be read as an image: " in done.err
    assert f"{images / 'd.png'} cannot be read as an image: its format is not known; all others are done" in done.err
    assert set(answered(verb, images.parent)) == set("ace")


@pytest.mark.parametrize("verb", VERBS)
def test_damaged_images_can_be_no_error(verb: str, models: Path, images: Path) -> None:
    done = run(verb, models, images, "--skip-damaged")
    assert done.code == 0, done.err
    assert "2 of 5 images cannot be read: " in done.err
    assert set(answered(verb, images.parent)) == set("ace")


@pytest.mark.parametrize("verb", VERBS)
def test_a_rerun_goes_on_and_comes_to_the_same(verb: str, models: Path, images: Path) -> None:
    assert run(verb, models, images).code == 2
    before = answered(verb, images.parent)
    done = run(verb, models, images)
    assert (done.code, "is there already: " in done.err) == (2, True)
    mend(images)
    done = run(verb, models, images, "--skip-existing")
    assert (done.code, done.err) == (0, "")
    after = answered(verb, images.parent)
    assert list(after) == list("abcde")
    assert {name: after[name] for name in before} == before
    assert run(verb, models, images, "--overwrite").code == 0
    assert answered(verb, images.parent) == after
    assert run(verb, models, images, "--skip-existing").code == 0  # nothing is left to do
    assert answered(verb, images.parent) == after


@pytest.mark.parametrize("verb", VERBS)
def test_only_damaged_images_are_an_error_and_write_nothing(verb: str, models: Path, images: Path) -> None:
    for name in "ace":
        (images / f"{name}.png").unlink()
    done = run(verb, models, images, "--skip-damaged")
    assert (done.code, "2 of 2 images cannot be read" in done.err) == (2, True)
    assert not output_of(verb, images.parent).exists()


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_done_outlives_an_interruption(verb: str, models: Path, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mend(images)
    assert run(verb, models, images).code == 0
    whole = answered(verb, images.parent)
    (images.parent / "first").mkdir()
    output = output_of(verb, images.parent)
    output.rename(images.parent / "first" / output.name)
    kind = {"embed": ReidModel, "segment": SegmentationModel, "classify": ClassificationModel}[verb]
    use: Callable[..., Any] = getattr(kind, verb)
    called = 0

    def interrupted(*words: Any, **options: Any) -> Any:
        nonlocal called
        called += 1
        if called > 2:
            raise KeyboardInterrupt
        return use(*words, **options)

    monkeypatch.setattr("rga.cli.commands.embed.BATCHES", 1)
    monkeypatch.setattr("rga.cli.commands.classify.BATCHES", 1)
    with monkeypatch.context() as patch:
        patch.setattr(kind, verb, interrupted)
        done = run(verb, models, images)
    assert done.code == 130
    assert set(answered(verb, images.parent)) == set("ab")
    assert verb == "segment" or f"interrupted: the answers about 2 images are in {output}; go on with --skip-existing" in done.err
    assert run(verb, models, images, "--skip-existing").code == 0
    after = answered(verb, images.parent)
    assert list(after) == list(whole)
    if verb != "embed":
        assert after == whole
    before = contents(images.parent)
    with monkeypatch.context() as patch:  # what is whole is not replaced by a part
        called = 0
        patch.setattr(kind, verb, interrupted)
        assert run(verb, models, images, "--overwrite").code == 130
    assert contents(images.parent) == before


@pytest.mark.parametrize("verb", ["embed", "classify"])
def test_answers_of_another_model_are_not_gone_on_with(verb: str, models: Path, images: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    other: Any = ReidModel("test_resnet", image_size=(32, 16), attention="none")
    if verb == "classify":
        other = ClassificationModel("cifar-resnet20", ["owl", "cow"], size=16, attention="none")
    save_model(other, tmp_path / "others" / verb, {})
    assert run(verb, tmp_path / "others", images, "--skip-damaged").code == 0
    before = output_of(verb, images.parent).read_bytes()
    done = run(verb, models, images, "--skip-existing", "--skip-damaged")
    assert (done.code, "name another file" in done.err) == (2, True)
    output_of(verb, images.parent).write_text("something else")
    done = run(verb, models, images, "--skip-existing", "--skip-damaged")
    assert (done.code, f"does not hold {'features' if verb == 'embed' else 'answers'} of rga {verb}" in done.err) == (2, True)
    assert before != output_of(verb, images.parent).read_bytes() == b"something else"


@pytest.mark.parametrize("verb", ["embed", "segment"])
def test_other_images_of_the_same_names_are_not_taken_for_those_that_were_answered(verb: str, models: Path, images: Path) -> None:
    mend(images)
    assert run(verb, models, images).code == 0
    others = images.parent / "others"
    shutil.copytree(images, others)
    assert run(verb, models, others, "--skip-existing").code == 0  # the same images elsewhere
    shutil.copy(images / "c.png", others / "e.png")
    before = contents(images.parent)
    done = run(verb, models, others, "--skip-existing")
    assert done.code == 2
    named = (
        f"{output_of(verb, images.parent)} has answers about other images of the same names as {others / 'e.png'}, or these were changed"
    )
    assert named in done.err
    assert "give each folder its own --output" in done.err
    assert contents(images.parent) == before
    assert run(verb, models, others, "--overwrite").code == 0
    assert run(verb, models, others, "--skip-existing").code == 0


def test_label_maps_that_do_not_tell_their_images_are_passed_over_and_that_is_said(models: Path, images: Path) -> None:
    mend(images)
    assert run("segment", models, images).code == 0
    noted = output_of("segment", images.parent) / "images.json"
    noted.unlink()
    done = run("segment", models, images, "--skip-existing")
    assert (done.code, f"5 images have files of which {noted} does not tell the image" in done.err) == (0, True)
    noted.write_text("[1]")
    done = run("segment", models, images, "--skip-existing")
    assert (done.code, "does not hold what rga segment writes" in done.err) == (2, True)


def test_features_that_do_not_tell_their_images_are_not_gone_on_with(models: Path, images: Path) -> None:
    assert run("embed", models, images, "--skip-damaged").code == 0
    path = output_of("embed", images.parent)
    with np.load(path) as stored:
        np.savez(path, **{name: stored[name] for name in stored.files if name != "contents"})
    done = run("embed", models, images, "--skip-damaged", "--skip-existing")
    assert (done.code, "does not tell which images its features are of" in done.err) == (2, True)


def test_features_with_another_flip_are_not_gone_on_with(models: Path, images: Path) -> None:
    assert run("embed", models, images, "--skip-damaged").code == 0
    done = run("embed", models, images, "--skip-damaged", "--skip-existing", "--flip")
    assert (done.code, "with another --flip" in done.err) == (2, True)


def test_damaged_images_are_neither_searched_nor_found(models: Path, images: Path) -> None:
    words = ("search", models / "embed", images, "--gallery", images, "--num-workers", 0, "-o", images.parent / "found.json", "--overwrite")
    for more, code in (((), 2), (("--skip-damaged",), 0)):
        done = rga(*words, *more)
        assert (done.code, "2 of 5 images cannot be read: " in done.err) == (code, True)
        found = json.loads((images.parent / "found.json").read_text())
        assert [Path(name).stem for name in found] == list("ace")
        assert {Path(each["image"]).stem for row in found.values() for each in row} == set("ace")
    for name in "ace":
        (images / f"{name}.png").unlink()
    done = rga(*words, "--skip-damaged")
    assert (done.code, "2 of 2 images cannot be read" in done.err) == (2, True)


def test_contradictions_are_told(models: Path, images: Path) -> None:
    for verb in VERBS:
        done = run(verb, models, images, "--overwrite", "--skip-existing")
        assert (done.code, "choose one of them" in done.err) == (2, True)
    done = rga("classify", models / "classify", images, "--skip-existing")
    assert (done.code, "name it with --output" in done.err) == (2, True)


def test_an_output_within_the_images_is_not_segmented(models: Path, images: Path) -> None:
    mend(images)
    for words in ((), ("--skip-existing",)):
        done = rga("segment", models / "segment", images, "-o", images / "segmented", *words)
        assert done.code == 0, done.err
        assert len([name for name in contents(images / "segmented") if name.startswith("labels")]) == 5


def test_half_an_image_is_done_again(models: Path, images: Path) -> None:
    mend(images)
    assert run("segment", models, images).code == 0
    (images.parent / "out" / "labels" / "c.png").unlink()
    done = run("segment", models, images, "--skip-existing")
    assert done.err == ""
    assert "5 images, 4 of which were there" in done.out
    assert (images.parent / "out" / "labels" / "c.png").is_file()


def test_names_are_printed_as_they_are(models: Path, images: Path) -> None:
    mend(images)
    folder = images.rename(images.parent / "[red]x :cat:")
    (folder / "a.png").rename(folder / "img[final].png")
    done = rga("classify", models / "classify", folder, "--num-workers", 0)
    assert done.code == 0, done.err
    squeezed = "".join(done.out.replace("\u2502", "").split())
    assert "[red]x:cat:" in squeezed
    assert "img[final].png" in squeezed
    assert squeezed.count("[cat]") == squeezed.count("dog:cat:") == 5
