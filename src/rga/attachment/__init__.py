"""Attention on any convolutional network: where it can go (``stages``), how it is registered there (``hosts``), on and off (``attach``)."""

from rga.attachment.attach import BLOCKS, attach, detach, resample
from rga.attachment.hosts import Attachment, attached, attachments
from rga.attachment.probe import NoStagesError
from rga.attachment.stages import Stage, find_blocks, find_stages, named_stages, probe_maps

__all__ = [
    "BLOCKS",
    "Attachment",
    "NoStagesError",
    "Stage",
    "attach",
    "attached",
    "attachments",
    "detach",
    "find_blocks",
    "find_stages",
    "named_stages",
    "probe_maps",
    "resample",
]
