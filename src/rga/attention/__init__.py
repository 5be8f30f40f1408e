"""Attention modules: a map in, a map of the same shape out. Imports torch alone (``others.from_timm``: timm).

Read ``relation`` beside the paper; add another attention in ``others`` and name it in ``catalog``. Change ``relation`` only if the paper
says so: ``factorised`` and ``acceleration`` compute its function, and the tests compare them with it.
"""

from rga.attention.arrangements import relation_attention
from rga.attention.catalog import create_attention, list_attentions
from rga.attention.grid import Grid, GridAttention, GridMismatchError
from rga.attention.modules import ChannelRelationAttention, SpatialRelationAttention
from rga.attention.relation import RelationGate

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
