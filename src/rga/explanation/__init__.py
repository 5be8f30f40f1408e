"""What a trained model looked at: its gates, the relations behind them, Grad-CAM, and its receptive field, as arrays.

All functions take a model of any task and an image as ``rga.images.inputs`` has it. They run the model in evaluation mode and leave it as
it was. ``rga explain`` draws them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rga.lazy import lazily

if TYPE_CHECKING:
    from rga.explanation.class_activation import ClassScore, Similarity, grad_cam
    from rga.explanation.gates import ChannelGates, SpatialGates, read_gates
    from rga.explanation.receptive_field import area_holding, effective_receptive_field, without_attention
    from rga.explanation.relations import Relations, read_relations
    from rga.explanation.shown import shown_image

__all__ = [
    "ChannelGates",
    "ClassScore",
    "Relations",
    "Similarity",
    "SpatialGates",
    "area_holding",
    "effective_receptive_field",
    "grad_cam",
    "read_gates",
    "read_relations",
    "shown_image",
    "without_attention",
]

HOMES = {
    "ChannelGates": "rga.explanation.gates",
    "ClassScore": "rga.explanation.class_activation",
    "Relations": "rga.explanation.relations",
    "Similarity": "rga.explanation.class_activation",
    "SpatialGates": "rga.explanation.gates",
    "area_holding": "rga.explanation.receptive_field",
    "effective_receptive_field": "rga.explanation.receptive_field",
    "grad_cam": "rga.explanation.class_activation",
    "read_gates": "rga.explanation.gates",
    "read_relations": "rga.explanation.relations",
    "shown_image": "rga.explanation.shown",
    "without_attention": "rga.explanation.receptive_field",
}

__getattr__, __dir__ = lazily(__name__, HOMES)
