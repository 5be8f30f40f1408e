"""The classifier of a backbone: the layers that turn its features into scores of classes."""

from __future__ import annotations

from torch import nn


def classifier_names(backbone: nn.Module) -> frozenset[str]:
    """Names of a backbone's tensors that are its classifier's; none where it has no classifier.

    Args:
        backbone: of timm, or one with timm's method ``get_classifier``.

    Example:
        >>> import timm
        >>> sorted(classifier_names(timm.create_model("test_resnet", num_classes=3)))
        ['fc.bias', 'fc.weight']
    """
    get = getattr(backbone, "get_classifier", None)
    found = get() if get is not None else ()
    parts = found if isinstance(found, tuple) else (found,)
    tensors = {id(tensor) for part in parts if isinstance(part, nn.Module) for tensor in part.state_dict(keep_vars=True).values()}
    return frozenset(name for name, tensor in backbone.state_dict(keep_vars=True).items() if id(tensor) in tensors)
