"""The edges of the ranges of a recipe's fields: which values are just taken, and which just not."""

from typing import Any

import pytest

from rga.errors import InputError
from rga.tasks import recipe_type
from rga.training.recipe import read_fields

Edges = dict[str, tuple[list[Any], list[Any]]]

ZERO_UP: tuple[list[Any], list[Any]] = ([0, 0.5], [-0.001])
WHOLE_ZERO_UP: tuple[list[Any], list[Any]] = ([0, 1], [-1])
ONE_UP: tuple[list[Any], list[Any]] = ([1, 2], [0])
SHARE: tuple[list[Any], list[Any]] = ([0.0, 1.0], [-0.001, 1.001])

ALL: Edges = {
    **dict.fromkeys(("epochs", "gradient_accumulation", "prefetch_factor", "reduction", "hidden_reduction", "largest_grid"), ONE_UP),
    **dict.fromkeys(("lr", "warmup_start_lr", "lr_decay", "weight_decay", "gradient_clip_norm", "backbone_lr_scale"), ZERO_UP),
    **dict.fromkeys(("attention_lr_scale", "warmup_epochs", "checkpoint_minutes", "color_jitter"), ZERO_UP),
    **dict.fromkeys(("evaluate_every", "checkpoint_every", "log_every", "max_steps", "num_workers", "threads", "seed"), WHOLE_ZERO_UP),
    "random_flip": SHARE,
    "ema_decay": ([0.0, 0.999], [-0.001, 1.0]),
    "attention_weight_decay": ([None, 0.0, 0.5], [-0.001]),
    "gate_norm": (["batch", "none"], ["layer", ""]),
    "fit": (["exact", "pool", "spectral"], ["spectra", ""]),
    "frequencies": ([None], [(4, 3), (0, 3)]),  # of fit spectral alone
    "gate_precision": (["auto", "float32", "half"], ["bfloat16", ""]),
    "gate_norm_momentum": ([0.001, 1.0], [0.0, 1.001]),
    "initial_gate": ([None, 0.001, 0.999], [0.0, 1.0]),
    "mean": ([None, (0.0, 0.5, 1.0)], [(0.5, float("nan"), 0.5)]),
    "std": ([None, (0.001, 0.5, 1.0)], [(0.5, 0.0, 0.5), (0.5, 0.5, float("inf"))]),
    "device": (["auto", "cpu", "mps", "cuda", "cuda:12"], ["gpu", "cuda:", "cpu:0", "cuda1", "autos"]),
    "compile": ([True, False], ["maybe"]),
}
OF_TASK: dict[str, Edges] = {
    "reid": {
        "image_size": ([(1, 1)], [(0, 1), (1, 0)]),
        "ids_per_batch": ([2], [0, 1]),  # of one there are no triplets
        "images_per_id": ([2], [0, 1]),
        **dict.fromkeys(("passes_per_epoch", "eval_batch_size"), ONE_UP),
        **dict.fromkeys(("random_crop", "random_erasing", "label_smoothing"), SHARE),
        **dict.fromkeys(("identity_weight", "triplet_weight"), ZERO_UP),
        "hold_out": WHOLE_ZERO_UP,
        "margin": ([None, 0.0, -1.0], [float("nan")]),
        "last_stride": ([1, 2], [3]),
    },
    "segmentation": {
        **dict.fromkeys(("batch_size", "ohem_min_kept"), ONE_UP),
        "crop_size": ([(1, 1)], [(0, 1), (1, 0)]),
        "scale": ([(0.001, 5.0), (1.0, 1.0)], [(0.0, 1.0), (1.0, 0.999)]),
        "auxiliary_weight": ZERO_UP,
        "ohem_threshold": SHARE,
        "resolution": ([0.001, 3.0], [0.0]),
        "output_stride": ([4, 8, 16, 32], [7]),
    },
    "classification": {
        **dict.fromkeys(("image_size", "batch_size", "eval_batch_size"), ONE_UP),
        "padding": WHOLE_ZERO_UP,
        **dict.fromkeys(("mixup", "cutmix"), ZERO_UP),
        **dict.fromkeys(("random_erasing", "label_smoothing", "hold_out"), SHARE),
        "crop_pct": ([0.001, 1.0], [0.0, 1.001]),
        "scale": ([(0.001, 1.0), (0.5, 0.5), (1.0, 1.0)], [(0.0, 1.0), (0.5, 0.499), (0.5, 1.001)]),
    },
}


@pytest.mark.parametrize("task", OF_TASK)
def test_values_at_the_edge_are_taken_and_those_beyond_refused(task: str) -> None:
    kind = recipe_type(task)
    for field, (inside, outside) in {**ALL, **OF_TASK[task]}.items():
        for value in inside:
            assert read_fields(kind, {field: value}).fields()[field] == value
        for value in outside:
            with pytest.raises(InputError, match=rf"\b{field}\b|unknown device|triplets need"):
                read_fields(kind, {field: value})


def test_what_concerns_two_fields() -> None:
    reid = recipe_type("reid")()
    for taken in (
        {"identity_weight": 0.0},
        {"triplet_weight": 0.0},
        {"triplet_weight": 0.0, "images_per_id": 1},
        {"triplet_weight": 0.0, "ids_per_batch": 1},
        {"relation": False},
        {"original": False},
        {"inside_blocks": True},
        {"attention": "se", "initial_gate": 0.5},
        {"attention": "se", "after": ("layer4",)},
        {"attention": "rga-c", "reduction": 4},
        {"gate_norm": "none", "gate_norm_momentum": 0.1},
        {"gate_norm": "batch", "gate_norm_momentum": 0.01},
        {"attention": "none", "attention_weight_decay": 0.0, "attention_lr_scale": 3.0},
        {"compile": True},
        {"activation_checkpointing": True},
    ):
        assert {name: value for name, value in reid.override(**taken).fields().items() if name in taken} == taken
    for refused, message in (
        ({"identity_weight": 0.0, "triplet_weight": 0.0}, "must not all be 0"),
        ({"images_per_id": 1}, "got 16 with 1"),
        ({"ids_per_batch": 1}, "got 1 with 4"),
        ({"relation": False, "original": False}, "must not both be off"),
        ({"inside_blocks": True, "after": ("layer4",)}, "leave after out"),
        ({"attention": "se", "reduction": 4, "embedding": "none"}, "^reduction, embedding: options of RGA only"),
        ({"attention": "se", "hidden_reduction": 4, "relation": False}, "^hidden_reduction, relation: options of RGA only"),
        ({"attention": "none", "original": False}, "^original: options of RGA only"),
        ({"attention": "se", "gate_norm": "none"}, "^gate_norm: options of RGA only"),
        ({"gate_norm": "none", "gate_norm_momentum": 0.01}, "^gate_norm_momentum belongs to the BN that gate_norm none leaves out"),
        ({"compile": True, "activation_checkpointing": True}, "exclude each other"),
    ):
        with pytest.raises(InputError, match=message):
            reid.override(**refused)


def test_steps_are_those_of_all_epochs_or_as_many_as_were_asked_for() -> None:
    recipe = recipe_type("reid")().override(epochs=3)
    assert recipe.steps(7) == 21
    assert [recipe.override(max_steps=most).steps(7) for most in (1, 20, 21, 22)] == [1, 20, 21, 21]
