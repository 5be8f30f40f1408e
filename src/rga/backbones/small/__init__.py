"""Our own CNNs for small images (CIFAR): what the paper's classification experiments use and timm does not have.

They are built by ``backbones.catalog``; add a network there.
"""
