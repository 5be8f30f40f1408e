"""A process that adds people to a gallery, and tells after each batch what it was told to be there."""

from __future__ import annotations

import sys
from pathlib import Path

from gallery.people import PixelEmbedder, crowd
from rga.gallery.gallery import Gallery

BATCH = 6


def main(where: str, first: int, people: int) -> None:
    """Adds people from a number on, four images each."""
    crops = [crop for crop in crowd(first + people, 4) if int(crop.source[:4]) >= first]
    with Gallery.open(where if "://" in where else Path(where), PixelEmbedder()) as gallery:
        print("open", flush=True)

        def acknowledged(done: int, _total: int) -> None:
            print("\n".join(crop.content for crop in crops[max(0, done - BATCH) : done]), flush=True)

        gallery.add(crops, batch_size=BATCH, progress=acknowledged)
    print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
