"""OSNet, the light network of omni-scale features for re-identification, its variants with instance normalisation, and its public weights.

It is built by ``backbones.catalog``.
"""
