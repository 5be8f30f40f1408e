"""Makes a graph of ONNX cheaper without changing what it computes, and names its nodes."""

from __future__ import annotations

import ast
from typing import Any

SCOPES = "pkg.torch.onnx.name_scopes"
"""Where PyTorch's exporter says of a node which modules it is from: names as a list of Python, the node's own at the end."""


def name_nodes(graph: Any) -> None:
    """Puts the module that a node is from before its name, as in ``model.backbone.layer1.attention.spatial.gate/node_bmm``.

    Args:
        graph: of onnx_ir; changed in place.
    """
    for node in graph:
        scopes = ast.literal_eval(node.metadata_props.get(SCOPES, "[]"))
        if len(scopes) > 1:
            node.name = f"{scopes[-2]}/{node.name}"


def share_weights(graph: Any) -> int:
    """Lets products of a batch share one matrix of weights: PyTorch writes a copy of it for each image, and MatMul needs none.

    An ``Expand`` of a matrix to a batch of matrices goes where all that use it are ``MatMul`` that take it second: they broadcast it, and
    runtimes then compute one large product.

    Args:
        graph: of onnx_ir; changed in place.

    Returns:
        How many copies went.
    """
    copies = [node for node in graph if node.op_type == "Expand" and is_shared(node)]
    for node in copies:
        matrix, copied = node.inputs[0], node.outputs[0]
        for user, index in list(copied.uses()):
            user.replace_input_with(index, matrix)
        graph.remove(node, safe=True)
    return len(copies)


def is_shared(node: Any) -> bool:
    """Whether a node expands a matrix to a batch for products alone."""
    matrix, copied = node.inputs[0], node.outputs[0]
    if matrix.shape is None or copied.shape is None or (matrix.shape.rank(), copied.shape.rank()) != (2, 3) or copied.is_graph_output():
        return False
    same = list(matrix.shape) == list(copied.shape)[1:]
    return same and all(user.op_type == "MatMul" and index == 1 for user, index in copied.uses())
