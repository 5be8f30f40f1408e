"""What is computed in 8-bit integers and what stays in float."""

from __future__ import annotations

ATTENTION = ".attention"
QUANTISED = ".theta_phi_psi"
"""The part of an attention that is quantised: four fifths of what RGA computes, and followed by a normalisation."""


def stays_in_float(node: str) -> bool:
    """Whether a node is not quantised.

    Attention stays in float, but for RGA's theta, phi and psi: gates are sigmoids of small networks, which cost little and lose much.

    Args:
        node: its name, which begins with the name of its module; see ``rga.deploy.targets.onnx_graph.name_nodes``.

    Example:
        >>> stays_in_float("model.backbone.layer1.attention.spatial.gate/node_bmm")
        True
        >>> stays_in_float("model.backbone.layer1.attention.spatial.gate.theta_phi_psi/node_conv1d")
        False
        >>> stays_in_float("model.backbone.layer1.0.conv1/node_conv2d")
        False
    """
    module = node.partition("/")[0]
    return ATTENTION in module and QUANTISED not in module
