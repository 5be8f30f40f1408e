"""Attention: a map in, a map of the same shape out."""

from rga.attention.arrangements import relation_attention
from rga.attention.catalog import create_attention, list_attentions
from rga.attention.grid import Grid, GridAttention, GridMismatchError
from rga.attention.relation import (
    ChannelRelationAttention,
    RelationGate,
    SpatialRelationAttention,
)

__all__ = [
    "ChannelRelationAttention",
    "Grid",
    "GridAttention",
    "GridMismatchError",
    "RelationGate",
    "SpatialRelationAttention",
    "create_attention",
    "list_attentions",
    "relation_attention",
]
