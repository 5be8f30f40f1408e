"""Relation-Aware Global Attention (Zhang et al., arXiv 1904.02998), exact and fast, on any CNN."""
