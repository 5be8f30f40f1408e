"""What can be wrong with a gallery."""

from __future__ import annotations

from rga.errors import InputError, RgaError


class StoreError(RgaError):
    """The database cannot be started or reached, or is one that must not be used."""


class GalleryError(InputError):
    """A gallery is not there, is there already, or does not hold what was asked for."""


class OtherModelError(InputError):
    """Embeddings of one model were to be compared with those of another."""
