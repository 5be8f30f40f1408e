"""Every field of every recipe has a test that sees its effect: without the field's use, that test fails."""

import ast
from pathlib import Path

import pytest

from rga.tasks import TASKS, recipe_type
from rga.training.recipe import leaves

MODEL = "tests/test_model_fields.py"
TRAINING = "tests/training/test_training_fields.py"
STEPS = "tests/training/test_loop_steps.py"
VIDEO = "tests/reid/video/test_video_training.py"
SURVIVES = "tests/cli/test_train_survives.py"
OF_TASK = {
    "reid": "tests/reid/test_reid_fields.py",
    "segmentation": "tests/segmentation/test_segmentation_fields.py",
    "classification": "tests/classification/test_classification_fields.py",
    "detection": "tests/detection/test_detection_fields.py",
}

ATTENTION = f"{MODEL}::test_the_attention_is_that_of_the_fields"
RATE = f"{TRAINING}::test_the_learning_rate_is_that_of_the_fields"
OFTEN = f"{TRAINING}::test_evaluations_steps_and_checkpoints_come_as_often_as_the_fields_say"
LOADER = "tests/classification/test_training.py::test_the_loader_gets_what_concerns_it"

ALL: dict[str, str] = {
    "attention": ATTENTION,
    "after": ATTENTION,
    "inside_blocks": ATTENTION,
    "reduction": ATTENTION,
    "hidden_reduction": ATTENTION,
    "embedding": ATTENTION,
    "relation": ATTENTION,
    "original": ATTENTION,
    "gate_norm": ATTENTION,
    "gate_precision": f"{MODEL}::test_gates_have_the_precision_of_the_field",
    "fit": f"{MODEL}::test_grids_are_those_of_the_fields",
    "largest_grid": f"{MODEL}::test_grids_are_those_of_the_fields",
    "frequencies": f"{MODEL}::test_grids_are_those_of_the_fields",
    "gate_norm_momentum": f"{MODEL}::test_the_norm_of_the_gates_has_the_momentum_of_the_field",
    "initial_gate": f"{MODEL}::test_gates_start_where_the_field_says",
    "backbone": f"{MODEL}::test_the_backbone_is_that_of_its_name_and_options",
    "backbone_options": f"{MODEL}::test_the_backbone_is_that_of_its_name_and_options",
    "weights": f"{MODEL}::test_training_starts_from_the_weights_of_the_file",
    "mean": f"{MODEL}::test_images_are_normalised_by_mean_and_std_of_the_fields",
    "std": f"{MODEL}::test_images_are_normalised_by_mean_and_std_of_the_fields",
    "channels_last": f"{MODEL}::test_kernels_lie_in_memory_as_the_field_says",
    "activation_checkpointing": f"{MODEL}::test_blocks_are_computed_again_where_the_field_says_so",
    "optimizer": f"{TRAINING}::test_the_optimizer_is_that_of_the_fields",
    "layer_lr_decay": "tests/reid/test_training.py::test_layers_norms_and_biases_learn_as_the_fields_say",
    "decay_norms": "tests/reid/test_training.py::test_layers_norms_and_biases_learn_as_the_fields_say",
    "freeze_epochs": "tests/cli/test_strong_recipes.py::test_frozen_weights_have_no_state_in_the_optimizer_until_they_learn",
    "nesterov": "tests/training/test_training_recipe.py::test_momentum_of_sgd_with_and_without_nesterov",
    "weight_decay": f"{TRAINING}::test_the_optimizer_is_that_of_the_fields",
    "lr": RATE,
    "epochs": RATE,
    "warmup_start_lr": RATE,
    "warmup_epochs": RATE,
    "schedule": RATE,
    "hold_epochs": RATE,
    "milestones": RATE,
    "lr_decay": RATE,
    "lr_update": RATE,
    "gradient_clip_norm": f"{TRAINING}::test_the_norm_of_the_gradients_is_clipped_to_the_field_and_not_without_it",
    "gradient_accumulation": f"{STEPS}::test_gradients_of_the_parts_of_a_batch_are_averaged",
    "ema_decay": f"{STEPS}::test_ema_weights_are_evaluated_and_saved_beside_the_raw_ones_and_resumed",
    "evaluate_every": OFTEN,
    "checkpoint_every": OFTEN,
    "log_every": OFTEN,
    "max_steps": OFTEN,
    "checkpoint_minutes": f"{TRAINING}::test_checkpoints_by_time",
    "tensorboard": f"{TRAINING}::test_logs_for_tensorboard_are_written_if_the_field_says_so",
    "num_workers": LOADER,
    "prefetch_factor": LOADER,
    "skip_damaged": f"{SURVIVES}::test_a_damaged_image_is_skipped_and_counted_where_that_is_wanted",
    "device": f"{TRAINING}::test_device_and_threads_are_those_of_the_fields",
    "threads": f"{TRAINING}::test_device_and_threads_are_those_of_the_fields",
    "amp_dtype": f"{STEPS}::test_bfloat16_computes_in_it_and_keeps_weights_in_float32",
    "compile": f"{TRAINING}::test_norms_are_synchronised_and_the_model_is_compiled_if_the_fields_say_so",
    "tf32": f"{TRAINING}::test_products_of_float32_are_as_the_field_says_while_it_trains",
    "sync_bn": f"{TRAINING}::test_norms_are_synchronised_and_the_model_is_compiled_if_the_fields_say_so",
}
"""Fields of all tasks -> the test."""

OWN: dict[str, dict[str, str]] = {
    "reid": {
        "data": "test_data_are_read_joined_and_held_out_as_the_fields_say",
        "also_train": "test_data_are_read_joined_and_held_out_as_the_fields_say",
        "test_data": "test_data_are_read_joined_and_held_out_as_the_fields_say",
        "hold_out": "test_data_are_read_joined_and_held_out_as_the_fields_say",
        "backbone_lr_scale": "tests/reid/test_training.py::test_optimiser_groups",
        "attention_lr_scale": "tests/reid/test_training.py::test_optimiser_groups",
        "attention_weight_decay": "tests/reid/test_training.py::test_optimiser_groups",
        "image_size": f"{MODEL}::test_fields_of_re_identification",
        "last_stride": f"{MODEL}::test_fields_of_re_identification",
        "pooling": f"{MODEL}::test_fields_of_re_identification",
        "head": f"{MODEL}::test_the_head_of_re_identification_is_that_of_the_fields",
        "parts": f"{MODEL}::test_the_head_of_re_identification_is_that_of_the_fields",
        "non_local": f"{MODEL}::test_non_local_blocks_are_there_if_the_field_says_so",
        "refine_after": "tests/reid/heads/test_rpp.py::test_stages_come_when_the_fields_say",
        "refine_alone": "tests/reid/heads/test_rpp.py::test_stages_come_when_the_fields_say",
        "feature": f"{MODEL}::test_fields_of_re_identification",
        "ids_per_batch": "test_batches_are_p_times_k_and_an_epoch_is_its_passes",
        "images_per_id": "test_batches_are_p_times_k_and_an_epoch_is_its_passes",
        "passes_per_epoch": "test_batches_are_p_times_k_and_an_epoch_is_its_passes",
        "domain_balanced": "test_datasets_have_equal_parts_in_batches_if_the_field_says_so",
        "seed": "test_batches_are_p_times_k_and_an_epoch_is_its_passes",
        "random_crop": "test_crops_are_windows_of_the_enlarged_image",
        "padding": "test_windows_of_the_padded_image_are_as_large_as_the_field_says",
        "random_flip": "test_flips_and_rectangles_are_those_of_their_fields",
        "random_erasing": "test_flips_and_rectangles_are_those_of_their_fields",
        "color_jitter": "test_colours_change_as_much_as_the_field_says",
        "white_balance": "test_channels_have_gains_of_their_own_within_the_field",
        "random_grayscale": "test_images_are_grey_or_blurred_as_often_as_the_fields_say",
        "random_blur": "test_images_are_grey_or_blurred_as_often_as_the_fields_say",
        "auto_augment": "test_images_are_changed_by_the_policy_of_the_fields",
        "auto_augment_prob": "test_images_are_changed_by_the_policy_of_the_fields",
        "rand_augment_ops": "test_images_are_changed_by_the_policy_of_the_fields",
        "rand_augment_magnitude": "test_images_are_changed_by_the_policy_of_the_fields",
        "identity_loss": "test_scores_have_the_margin_of_the_fields",
        "identity_scale": "test_scores_have_the_margin_of_the_fields",
        "identity_margin": "test_scores_have_the_margin_of_the_fields",
        "triplet_mining": "test_losses_are_weighted_as_the_fields_say",
        "circle_weight": "test_pairs_and_centres_are_those_of_the_fields",
        "circle_scale": "test_pairs_and_centres_are_those_of_the_fields",
        "circle_margin": "test_pairs_and_centres_are_those_of_the_fields",
        "center_weight": "test_pairs_and_centres_are_those_of_the_fields",
        "center_lr": "test_pairs_and_centres_are_those_of_the_fields",
        "identity_weight": "test_losses_are_weighted_as_the_fields_say",
        "label_smoothing": "test_losses_are_weighted_as_the_fields_say",
        "triplet_weight": "test_losses_are_weighted_as_the_fields_say",
        "margin": "test_losses_are_weighted_as_the_fields_say",
        "eval_batch_size": "test_the_evaluation_goes_by_its_fields",
        "frames": f"{VIDEO}::test_batches_hold_clips_of_as_many_frames_as_the_field_says",
        "temporal_pooling": f"{VIDEO}::test_features_of_frames_become_one_as_the_fields_say",
        "sta_parts": f"{VIDEO}::test_features_of_frames_become_one_as_the_fields_say",
        "space_time": f"{VIDEO}::test_rga_is_over_time_if_the_field_says_so",
        "test_frames": f"{VIDEO}::test_the_evaluation_sees_the_frames_of_the_field",
    },
    "segmentation": {
        "data": "test_the_data_are_those_of_the_field",
        "backbone_lr_scale": "tests/segmentation/test_training.py::test_the_optimiser_and_schedule_are_the_fields",
        "attention_lr_scale": "tests/segmentation/test_training.py::test_the_attention_has_its_own_learning_rate_and_weight_decay",
        "attention_weight_decay": "tests/segmentation/test_training.py::test_the_attention_has_its_own_learning_rate_and_weight_decay",
        "output_stride": f"{MODEL}::test_fields_of_segmentation",
        "head": f"{MODEL}::test_the_head_of_segmentation_is_that_of_the_field",
        "resolution": "test_scale_resolution_and_crop_are_those_of_the_fields",
        "scale": "test_scale_resolution_and_crop_are_those_of_the_fields",
        "crop_size": "test_scale_resolution_and_crop_are_those_of_the_fields",
        "batch_size": "test_batches_are_as_large_as_the_field_says_and_follow_the_seed",
        "seed": "test_batches_are_as_large_as_the_field_says_and_follow_the_seed",
        "random_flip": "test_flips_are_those_of_their_field",
        "color_jitter": "test_colours_change_as_much_as_the_field_says_and_masks_do_not",
        "pixel_weight": "test_losses_are_those_of_the_fields",
        "class_weights": "test_losses_are_those_of_the_fields",
        "focal_gamma": "test_losses_are_those_of_the_fields",
        "dice_weight": "test_losses_are_those_of_the_fields",
        "lovasz_weight": "test_losses_are_those_of_the_fields",
        "auxiliary_weight": "test_losses_are_those_of_the_fields",
        "ohem_threshold": "test_losses_are_those_of_the_fields",
        "ohem_min_kept": "test_losses_are_those_of_the_fields",
        "eval_split": "test_the_evaluation_goes_by_its_fields",
        "eval_windows": "test_the_evaluation_goes_by_its_fields",
    },
    "classification": {
        "data": "test_data_are_read_and_held_out_as_the_fields_say",
        "hold_out": "test_data_are_read_and_held_out_as_the_fields_say",
        "backbone_lr_scale": (
            "tests/classification/test_training.py::test_optimiser_groups_leave_the_classifier_and_the_attention_to_the_full_learning_rate"
        ),
        "attention_lr_scale": "tests/classification/test_training.py::test_the_attention_has_its_own_learning_rate_and_weight_decay",
        "attention_weight_decay": "tests/classification/test_training.py::test_the_attention_has_its_own_learning_rate_and_weight_decay",
        "image_size": f"{MODEL}::test_fields_of_classification",
        "crop_pct": f"{MODEL}::test_fields_of_classification",
        "batch_size": "test_batches_are_as_large_as_the_field_says_and_follow_the_seed",
        "seed": "test_batches_are_as_large_as_the_field_says_and_follow_the_seed",
        "class_balanced": "test_classes_come_equally_often_if_the_field_says_so",
        "crop": "test_crops_are_those_of_their_fields",
        "padding": "test_crops_are_those_of_their_fields",
        "scale": "test_crops_are_those_of_their_fields",
        "random_flip": "test_flips_are_those_of_their_field",
        "random_erasing": "test_erasing_and_colours_are_those_of_their_fields",
        "color_jitter": "test_erasing_and_colours_are_those_of_their_fields",
        "mixup": "test_images_and_labels_are_mixed_as_the_fields_say",
        "cutmix": "test_images_and_labels_are_mixed_as_the_fields_say",
        "mixup_prob": "tests/classification/test_training.py::test_a_part_of_the_batches_is_mixed",
        "mixup_off_epoch": "tests/classification/test_training.py::test_mixing_ends_after_its_last_epoch",
        "label_smoothing": "test_labels_are_smoothed_as_the_field_says",
        "eval_batch_size": "test_the_evaluation_goes_by_its_fields",
    },
    "detection": {
        "data": "test_the_data_are_those_of_the_field",
        "backbone_lr_scale": "test_learning_rates_of_backbone_and_attention_are_those_of_the_fields",
        "attention_lr_scale": "test_learning_rates_of_backbone_and_attention_are_those_of_the_fields",
        "attention_weight_decay": "test_learning_rates_of_backbone_and_attention_are_those_of_the_fields",
        "image_size": "test_sizes_are_those_of_image_size_and_scale",
        "scale": "test_sizes_are_those_of_image_size_and_scale",
        "anchor_sizes": "test_the_network_has_the_parts_of_the_fields",
        "pyramid_channels": "test_the_network_has_the_parts_of_the_fields",
        "head_width": "test_the_network_has_the_parts_of_the_fields",
        "rois_per_image": "test_the_network_has_the_parts_of_the_fields",
        "frozen_stages": "test_frozen_parts_stay_as_they_are",
        "frozen_norms": "test_frozen_parts_stay_as_they_are",
        "batch_size": "test_batches_are_as_large_as_the_field_says_and_follow_the_seed",
        "seed": "test_batches_are_as_large_as_the_field_says_and_follow_the_seed",
        "random_flip": "test_flips_and_colours_are_those_of_their_fields",
        "color_jitter": "test_flips_and_colours_are_those_of_their_fields",
        "empty_images": "test_images_without_objects_and_of_other_aspects_are_as_the_fields_say",
        "group_aspects": "test_images_without_objects_and_of_other_aspects_are_as_the_fields_say",
        "eval_split": "test_the_evaluation_goes_by_its_field",
    },
}
"""Task -> its own fields -> the test, in the file of the task unless another is named."""


def table_of(task: str) -> dict[str, str]:
    """Field -> file and test."""
    own = {field: test if "::" in test else f"{OF_TASK[task]}::{test}" for field, test in OWN[task].items()}
    return {**ALL, **own}


@pytest.mark.parametrize("task", TASKS)
def test_every_field_has_a_test(task: str) -> None:
    """A new field comes with a test, and with its line in one of the tables."""
    fields = {each.name for each, _, _ in leaves(recipe_type(task)())}
    assert table_of(task).keys() == fields


@pytest.mark.parametrize("task", TASKS)
def test_the_tests_are_there_and_name_their_fields(task: str, project: Path) -> None:
    texts: dict[str, dict[str, str]] = {}
    for field, place in table_of(task).items():
        file, name = place.split("::")
        if file not in texts:
            text = (project / file).read_text()
            found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
            texts[file] = {each.name: whole(text, each) for each in found}
        assert name in texts[file], place
        assert "mark.slow" not in texts[file][name], f"{place} is left out by make test"
        assert field in texts[file][name] or field in named_at_the_top(project / file), f"{place} does not name {field}"


def whole(text: str, function: ast.FunctionDef) -> str:
    """The source of a test with its parameters."""
    first = min([function.lineno, *(each.lineno for each in function.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : function.end_lineno])


def named_at_the_top(path: Path) -> str:
    """The constants of a test file: recipes that its tests share."""
    text = path.read_text()
    return "\n".join(
        ast.get_source_segment(text, node) or "" for node in ast.parse(text).body if isinstance(node, ast.Assign | ast.AnnAssign)
    )
