"""Optimised models compute what the models compute, and refuse what they cannot do any more."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import rga
from rga.classification.model import ClassificationModel
from rga.deploy import folding, optimising
from rga.deploy.agreement import DisagreementError
from rga.deploy.as_model import as_model, fingerprint_of
from rga.deploy.exporting import Exported, export
from rga.deploy.optimised import optimisation_of
from rga.errors import InputError
from rga.explanation.class_activation import ClassScore, grad_cam
from rga.reid.model import ReidModel
from rga.segmentation.model import SegmentationModel
from rga.storage.saved_model import load_weights, save_model, weights_fingerprint

RNG = np.random.default_rng(0)
IMAGES = [Image.fromarray(RNG.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in ((32, 16), (100, 40), (30, 77))]


def left(fast: Any) -> int:
    """BNs that are still there."""
    found = sum(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in fast.modules())
    assert found == len(fast.optimisation.left)
    return found


@pytest.fixture(scope="module")
def fast(reid: ReidModel) -> ReidModel:
    """The re-ID network, optimised."""
    return rga.optimise(reid)


def test_features_are_those_of_the_model(reid: ReidModel, fast: ReidModel) -> None:
    assert isinstance(fast, ReidModel)
    for options in ({}, {"flip": True}, {"feature": "pooled"}):
        np.testing.assert_allclose(fast.embed(IMAGES, **options), reid.embed(IMAGES, **options), atol=1e-5)
    optimisation = optimisation_of(fast)
    assert optimisation is not None
    assert optimisation.left == ("model.neck",)  # both what goes into it and what comes out are features
    assert optimisation.folded == sum(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in reid.modules()) - 1
    assert optimisation.agreement.relative < 1e-5
    assert optimisation.agreement.batches == (1, 2, 7)
    assert fingerprint_of(fast) == optimisation.weights == weights_fingerprint(reid)


@pytest.fixture(scope="module")
def fast_classifier(classifier: ClassificationModel) -> ClassificationModel:
    """The classification network, optimised."""
    return rga.optimise(classifier)


def test_answers_are_those_of_the_model(classifier: ClassificationModel, fast_classifier: ClassificationModel) -> None:
    fast = fast_classifier
    assert left(fast) == 0
    np.testing.assert_allclose(fast.probabilities(IMAGES), classifier.probabilities(IMAGES), atol=1e-5)
    ours, theirs = (each.classify(IMAGES) for each in (fast, classifier))
    assert [[answer.label for answer in row] for row in ours] == [[answer.label for answer in row] for row in theirs]


@pytest.mark.slow
def test_label_maps_are_those_of_the_model(segmenter: SegmentationModel) -> None:
    fast = rga.optimise(segmenter)
    assert left(fast) == 0  # although sizes, which are free, are asked of maps that go into a BN
    for ours, theirs in zip(fast.segment(IMAGES), segmenter.segment(IMAGES), strict=True):
        np.testing.assert_allclose(ours.confidence, theirs.confidence, atol=1e-5)
        assert (ours.labels == theirs.labels).mean() > 0.999


def test_the_callers_model_stays_as_it_is(classifier: ClassificationModel) -> None:
    own = copy.deepcopy(classifier).half().train()
    before = weights_fingerprint(own)
    fast = rga.optimise(own)
    assert (own.training, next(own.parameters()).dtype, weights_fingerprint(own)) == (True, torch.float16, before)
    assert (fast.training, next(fast.parameters()).dtype) == (False, torch.float32)
    assert optimisation_of(own) is None
    own.train()


def test_a_saved_model_is_named_by_its_folder(classifier: ClassificationModel, tmp_path: Path) -> None:
    save_model(classifier, tmp_path / "model", {})
    np.testing.assert_allclose(rga.optimise(tmp_path / "model").probabilities(IMAGES), classifier.probabilities(IMAGES), atol=1e-5)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"])
def test_copies_are_optimised_too(fast: ReidModel, copied: Any) -> None:
    other = copied(fast)
    np.testing.assert_array_equal(other.embed(IMAGES), fast.embed(IMAGES))
    assert optimisation_of(other) == optimisation_of(fast)
    with pytest.raises(InputError, match="cannot be trained"):
        other.train()
    assert other.eval() is other
    assert fast.eval() is fast


def test_what_it_cannot_do_is_refused(reid: ReidModel, fast: ReidModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be trained: .* Train the model that it was made from"):
        fast.train()
    assert not any(module.training for module in fast.modules())
    with pytest.raises(InputError, match="cannot be trained"):
        copy.deepcopy(fast).backbone.train()
    with pytest.raises(InputError, match="takes no other weights"):
        fast.load_state_dict(reid.state_dict())
    save_model(reid, tmp_path / "model", {})
    with pytest.raises(InputError, match="takes no other weights"):
        load_weights(fast, tmp_path / "model")
    with pytest.raises(InputError, match="cannot be saved as a model"):
        fast.save_pretrained(tmp_path / "fast")
    with pytest.raises(InputError, match="cannot be saved as a model"):
        fast.push_to_hub("owner/name")
    with pytest.raises(InputError, match="is optimised already: name the model that it was made from"):
        export(fast, tmp_path / "model.onnx")
    with pytest.raises(InputError, match="is optimised already: name the model that it was made from"):
        rga.export_for("boxmot", fast, tmp_path / "boxmot.onnx")
    with pytest.raises(InputError, match="is optimised already"):
        rga.optimise(fast)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_gates_and_gradients_are_those_of_the_model(reid: ReidModel, fast: ReidModel) -> None:
    x = torch.randn(2, 3, 32, 16)
    found = []
    for model in (reid, fast):
        with rga.record(model, positions=[(0.5, 0.5)]) as recording, torch.inference_mode():
            model(x)
        found.append(recording.records)
    for name, record in found[0].items():
        torch.testing.assert_close(found[1][name].gate, record.gate, atol=1e-5, rtol=0)
        if record.rows is not None:
            torch.testing.assert_close(found[1][name].rows, record.rows, atol=1e-4, rtol=1e-4)


def test_class_activations_are_those_of_the_model(classifier: ClassificationModel, fast_classifier: ClassificationModel) -> None:
    pytest.importorskip("captum")
    ours, theirs = (grad_cam(model, IMAGES[0], ClassScore("cat")) for model in (fast_classifier, classifier))
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tolerance": 0}, "tolerance must lie between 0 and 1"),
        ({"image_size": (32, 16)}, "says so itself: leave image_size out"),
    ],
)
def test_options_out_of_range(reid: ReidModel, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        rga.optimise(reid, **options)


@pytest.mark.slow
def test_what_cannot_be_optimised_is_refused(reid: ReidModel, exported: Exported) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    with pytest.raises(InputError, match=r"a Sequential does not say which images it takes: pass image_size"):
        rga.optimise(network)
    with pytest.raises(InputError, match="which onnxruntime optimises itself"):
        rga.optimise(as_model(rga.load(exported.path)))
    with pytest.raises(InputError, match="compiled or wrapped for several devices"):
        rga.optimise(nn.DataParallel(network), image_size=(8, 8))
    compiled = copy.deepcopy(network)
    compiled.compile()
    with pytest.raises(InputError, match="compiled or wrapped for several devices"):
        rga.optimise(compiled, image_size=(8, 8))
    diverged = copy.deepcopy(reid)
    diverged.neck.running_mean.fill_(float("nan"))  # type: ignore[union-attr]
    with pytest.raises(InputError, match="own outputs are not finite"):
        rga.optimise(diverged)


@dataclass
class Feat:
    """What torch does not know how to look into."""

    kept: torch.Tensor


class Returning(nn.Module):
    """A network whose second output is what a function makes of the map before its BN."""

    def __init__(self, second: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.conv, self.norm, self.second = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), second

    def forward(self, images: torch.Tensor) -> Any:
        maps = self.conv(images)
        return self.second(maps), self.norm(maps)


def test_outputs_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(InputError, match="returns a Feat, whose tensors cannot be compared"):
        rga.optimise(Returning(Feat).eval(), image_size=(8, 8))
    assert rga.optimise(Returning(lambda _: None).eval(), image_size=(8, 8)).optimisation.folded == 1  # type: ignore[union-attr]
    with pytest.raises(InputError, match="returns no floating-point numbers"):
        rga.optimise(nn.Sequential(nn.Conv2d(3, 4, 1), Largest()), image_size=(8, 8))


class Largest(nn.Module):
    """Which channel is the largest."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps.argmax(1)


class Branching(nn.Module):
    """What cannot be traced."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images if images.sum() > 0 else -images


def test_a_network_that_cannot_be_traced_is_named_in_one_line() -> None:
    with pytest.raises(InputError, match=r"^the network cannot be traced, .* use it as it is$"):
        rga.optimise(Branching(), image_size=(8, 8))


def test_a_model_that_computes_something_else_is_not_handed_out(classifier: ClassificationModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(network: nn.Module, *others: Any) -> Any:
        found = folding.fold(network, *others)
        with torch.no_grad():
            next(module for module in network.modules() if isinstance(module, nn.Conv2d)).bias.add_(0.01)  # type: ignore[union-attr]
        return found

    monkeypatch.setattr(optimising, "fold", wrong)
    with pytest.raises(DisagreementError, match=r"the optimised model does not compute what the model computes .* 1e-05 is allowed"):
        rga.optimise(classifier)
    allowed = optimisation_of(rga.optimise(classifier, tolerance=0.5))
    assert allowed is not None
    assert allowed.agreement.relative > 1e-5


def test_maps_have_their_channels_last_where_that_is_chosen(classifier: ClassificationModel, fast_classifier: ClassificationModel) -> None:
    for fast, chosen in ((fast_classifier, True), (rga.optimise(classifier, channels_last=False), False)):
        weights = [module.weight for module in fast.modules() if isinstance(module, nn.Conv2d) and min(module.kernel_size) > 1]
        assert all(weight.is_contiguous(memory_format=torch.channels_last) == chosen for weight in weights if weight.shape[1] > 1)
        optimisation = optimisation_of(fast)
        assert optimisation is not None
        assert (optimisation.channels_last, optimisation.compiled) == (chosen, False)


@pytest.mark.slow
def test_a_compiled_model_computes_the_same(classifier: ClassificationModel) -> None:
    fast = rga.optimise(classifier, compile=True)
    assert fast._compiled_call_impl is not None
    np.testing.assert_allclose(fast.probabilities(IMAGES), classifier.probabilities(IMAGES), atol=1e-5)


def test_a_compiler_that_fails_is_named_in_one_line(classifier: ClassificationModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_self: nn.Module) -> None:
        vars(_self)["forward"] = lambda _images: (_ for _ in ()).throw(RuntimeError("no compiler\nand more"))

    monkeypatch.setattr(nn.Module, "compile", fails)
    with pytest.raises(InputError, match=r"^torch.compile failed \(RuntimeError: no compiler\): install a C\+\+ compiler"):
        rga.optimise(classifier, compile=True)


def test_any_network_with_attention() -> None:
    plain = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
    network = rga.attach(plain, "rga-sc", image_size=(8, 4), after=["2"])
    for _ in range(3):
        network(x := torch.randn(4, 1, 8, 4))
    fast = rga.optimise(network, image_size=(8, 4))
    assert left(fast) == 0
    with torch.inference_mode():
        torch.testing.assert_close(fast(x), network.eval()(x), atol=1e-5, rtol=0)
    copied = pickle.loads(pickle.dumps(fast))
    with pytest.raises(InputError, match="cannot be trained"):
        nn.Sequential(copied).train()
    assert rga.detach(copied)(x).shape == (4, 8, 8, 4)


def test_weights_are_refused_through_a_model_around_it() -> None:
    model = ReidModel("test_resnet", image_size=(64, 32)).eval()
    around = nn.Sequential(rga.optimise(model))
    for strict in (True, False):
        with pytest.raises(InputError, match="takes no other weights"):
            around.load_state_dict(nn.Sequential(model).state_dict(), strict=strict)
    around.load_state_dict({}, strict=False)


def test_a_network_with_volumes_is_optimised() -> None:
    class Volumes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.deep = nn.Conv2d(3, 8, 3), nn.Conv3d(1, 1, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.deep(self.conv(x)[:, None]).squeeze(1)
            return found

    model = Volumes().eval()
    network, x = rga.optimise(model, image_size=(16, 16)), torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(network(x), model(x), rtol=1e-4, atol=1e-5)
    assert network.conv.weight.is_contiguous(memory_format=torch.channels_last)
