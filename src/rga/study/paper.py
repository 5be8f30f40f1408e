"""The paper's figures (Zhang et al., arXiv 1904.02998, tables of the ablation, of other attentions, of embeddings and of datasets).

Rank-1 and mAP in percent, of a ResNet-50 trained for 600 epochs at 256x128.
"""

from __future__ import annotations

CUHK03 = "CUHK03-NP (labelled)"
CUHK03_DETECTED = "CUHK03-NP (detected)"
MARKET = "Market-1501"
MSMT17 = "MSMT17"

FIGURES: dict[str, dict[str, tuple[float, float]]] = {
    CUHK03: {
        "plain": (73.8, 69.0),
        "rga-s-no-relation": (76.8, 72.3),
        "rga-s-no-original": (78.2, 74.0),
        "rga-s": (79.3, 74.7),
        "rga-c-no-relation": (77.8, 73.7),
        "rga-c-no-original": (78.1, 74.9),
        "rga-c": (79.3, 75.6),
        "rga-parallel": (77.3, 73.4),
        "rga-cs": (78.6, 75.5),
        "rga-sc": (81.1, 77.4),
        "cbam-s": (77.3, 72.8),
        "fc-s": (77.0, 73.0),
        "non-local": (76.6, 72.6),
        "simple-non-local": (77.4, 72.4),
        "se": (76.3, 71.9),
        "cbam-c": (76.9, 72.7),
        "fc-c": (77.4, 72.9),
        "cbam-cs": (78.0, 73.0),
        "fc-parallel": (78.4, 73.2),
        "rga-sc-no-embedding": (78.6, 75.2),
        "rga-sc-symmetric": (79.4, 75.2),
    },
    MARKET: {
        "plain": (94.2, 83.7),
        "rga-s-no-relation": (94.3, 83.8),
        "rga-s-no-original": (95.4, 86.7),
        "rga-s": (96.0, 87.5),
        "rga-c-no-relation": (94.7, 84.8),
        "rga-c-no-original": (95.4, 87.1),
        "rga-c": (95.9, 87.9),
        "rga-parallel": (95.3, 86.6),
        "rga-cs": (95.3, 87.8),
        "rga-sc": (96.1, 88.4),
        "cbam-s": (94.8, 85.6),
        "fc-s": (95.2, 86.2),
        "non-local": (95.6, 87.4),
        "simple-non-local": (95.7, 87.3),
        "se": (95.2, 86.0),
        "cbam-c": (95.3, 86.3),
        "fc-c": (95.3, 86.7),
        "cbam-cs": (95.0, 85.6),
        "fc-parallel": (94.8, 85.0),
        "rga-sc-no-embedding": (95.2, 87.3),
        "rga-sc-symmetric": (95.6, 87.4),
    },
    CUHK03_DETECTED: {"plain": (70.5, 65.5), "rga-sc": (79.6, 74.5)},
    MSMT17: {"plain": (75.7, 51.5), "rga-sc": (80.3, 57.5)},
}
"""Dataset -> name of a variant -> (rank-1, mAP)."""
