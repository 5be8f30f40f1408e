"""What is computed in 8-bit integers and what stays in float."""

from __future__ import annotations

from collections.abc import Collection

QUANTISED = ".theta_phi_psi"
"""The part of an attention that is quantised: four fifths of what RGA computes, and followed by a normalisation."""


def stays_in_float(node: str, attached: Collection[str]) -> bool:
    """Whether a node is not quantised.

    Attention stays in float, but for RGA's theta, phi and psi: gates are sigmoids of small networks, which cost little and lose much.

    Args:
        node: its name, which begins with the name of its module; see ``rga.deploy.targets.onnx_graph.name_nodes``.
        attached: the names of all attached attentions in the network that the graph was written from.

    Example:
        >>> attached = ["model.backbone.layer1.attention", "model.backbone.layer2.0.bn2_attention"]
        >>> stays_in_float("model.backbone.layer1.attention.spatial.gate/node_bmm", attached)
        True
        >>> stays_in_float("model.backbone.layer2.0.bn2_attention.spatial.gate.w1/node_linear", attached)
        True
        >>> stays_in_float("model.backbone.layer1.attention.spatial.gate.theta_phi_psi/node_conv1d", attached)
        False
        >>> stays_in_float("model.backbone.layer1.0.conv1/node_conv2d", attached)
        False
    """
    module = node.partition("/")[0]
    within = any(module == name or module.startswith(f"{name}.") for name in attached)
    return within and QUANTISED not in module
