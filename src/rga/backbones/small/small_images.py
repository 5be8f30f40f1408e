"""What the networks for small images have in common: the methods of timm's networks that tasks use."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class SmallImageNetwork(nn.Module):
    """A network for images of about 32x32: three stages at full, half and a quarter of the resolution, and a linear classifier.

    Args:
        stages: names of the stages.
        channels: of the maps that they return.
        num_classes: of the classifier; 0 for none: the network returns the pooled features.
    """

    def __init__(self, stages: Sequence[str], channels: Sequence[int], num_classes: int) -> None:
        super().__init__()
        self.num_features = self.head_hidden_size = channels[-1]
        self.feature_info = [
            {"num_chs": width, "reduction": 2**index, "module": name}
            for index, (name, width) in enumerate(zip(stages, channels, strict=True))
        ]
        self.fc: nn.Module = nn.Linear(channels[-1], num_classes) if num_classes else nn.Identity()

    def forward_features(self, images: Tensor) -> Tensor:
        """Images (B, in_chans, H, W) -> the last stage's map (B, num_features, H / 4, W / 4)."""
        raise NotImplementedError

    def forward_head(self, maps: Tensor, pre_logits: bool = False) -> Tensor:
        """The last map (B, num_features, h, w) -> scores (B, num_classes), or features (B, num_features)."""
        pooled = maps.mean((2, 3))
        return pooled if pre_logits else self.fc(pooled)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, in_chans, H, W) -> scores (B, num_classes), or features (B, num_features) without a classifier."""
        return self.forward_head(self.forward_features(images))

    def get_classifier(self) -> nn.Module:
        """The classifier, as timm's networks name it."""
        return self.fc
