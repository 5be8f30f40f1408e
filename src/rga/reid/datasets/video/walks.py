"""Generated people who walk past cameras (``rga.synthetic.people.walks``), rendered when they are read for the first time.

So a recipe has data on a machine without any. The folder is there whole or not at all, and holds the layout of ``folder``.
"""

from __future__ import annotations

from pathlib import Path

from rga.datasets.layout import DataError
from rga.errors import ExistingFileError
from rga.reid.datasets.samples import ReidData
from rga.reid.datasets.video.folder import read_tracklets
from rga.synthetic.generated import same_origin
from rga.synthetic.people.walks import ORIGIN, VERSION, WalkOptions, make_walks
from rga.terminal import PlainConsole


def read_walks(
    root: Path,
    *,
    identities: int = WalkOptions.identities,
    cameras: int = WalkOptions.cameras,
    tracklets_per_camera: int = WalkOptions.tracklets_per_camera,
    frames: int = WalkOptions.frames,
    seed: int = WalkOptions.seed,
) -> ReidData:
    """Reads generated people who walk past cameras; renders them into the folder if it is not there yet (80 seconds by default).

    Args:
        root: the folder, or where it will be.
        identities: people, half of them to train on.
        cameras: that see them.
        tracklets_per_camera: of a person under each camera that sees it.
        frames: of a tracklet.
        seed: all of it follows from this number.

    Raises:
        DataError: the folder holds something else, or people who were rendered with other options.
        InputError: an option is out of its range.
    """
    options = WalkOptions(identities=identities, cameras=cameras, tracklets_per_camera=tracklets_per_camera, frames=frames, seed=seed)
    if not root.is_dir() or not any(root.iterdir()):
        PlainConsole(stderr=True).sentence(f"{root} is not there yet: rendering generated people who walk, which takes a minute or two")
        try:
            make_walks(root, options)
        except (ExistingFileError, OSError):
            if not (root / ORIGIN).is_file():  # otherwise another process was faster
                raise
    if not (root / ORIGIN).is_file():
        raise DataError(f"{root} has no {ORIGIN}, so these are no generated people: read your own tracklets with tracklets:{root}")
    if not same_origin(root / ORIGIN, VERSION, options):
        raise DataError(
            f"{root} was rendered with other options, as its {ORIGIN} says: name another folder, or read it as it is with tracklets:{root}"
        )
    return read_tracklets(root)
