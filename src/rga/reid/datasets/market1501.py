"""Market-1501: Zheng, Shen, Tian, Wang, Wang, Tian, "Scalable Person Re-identification: A Benchmark", ICCV 2015.

Three folders of crops; a file's name says its identity, camera, sequence, frame and box. In ``bounding_box_test`` identity -1 is junk (bad
boxes, neither right nor wrong when found), which is dropped, and 0 a distractor, which stays.
"""

from __future__ import annotations

import re
from pathlib import Path

from rga.datasets.layout import by_stem, find_home, images_in, parse_name
from rga.ranking.labels import JUNK
from rga.reid.datasets.samples import ReidData, Sample, SplitCounts

WHERE = (
    "Market-1501 is given to researchers by its authors: look for 'Market-1501' on Liang Zheng's home page, accept the terms, "
    "and unpack Market-1501-v15.09.15.zip."
)
"""Where the data can be had."""

EXPECTED = {
    "train": SplitCounts(751, 12_936, 6),
    "query": SplitCounts(750, 3_368, 6),
    "gallery": SplitCounts(750, 15_913, 6),  # 19,732 files without 3,819 of junk
}
"""The protocol's counts."""

FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
NAME = re.compile(r"(?P<identity>-1|\d+)_c(?P<camera>\d+)s\d+_\d+_\d+(\.\w+)+", re.IGNORECASE)
FORM = "IDENTITY_cCAMERAsSEQUENCE_FRAME_BOX.jpg, as 0002_c1s1_000451_03.jpg"


def read_market1501(root: Path) -> ReidData:
    """Reads Market-1501.

    Args:
        root: the unpacked folder (``bounding_box_train``, ``query``, ``bounding_box_test``), or the one that it lies in.

    Raises:
        FileNotFoundError: a folder is missing.
        DataError: a folder has no image, or a file name does not follow the format.
    """
    home = find_home(root, ("Market-1501-v15.09.15",), tuple(FOLDERS.values()), WHERE)
    splits = {split: read_boxes(home / folder, NAME, FORM) for split, folder in FOLDERS.items()}
    return ReidData("market1501", splits["train"], splits["query"], splits["gallery"], home)


def read_boxes(folder: Path, pattern: re.Pattern[str], form: str) -> tuple[Sample, ...]:
    """Reads a folder of crops whose names say ``identity`` and ``camera``, without the junk.

    Raises:
        DataError: there is no image, a name does not follow the pattern, or two files differ in their ending alone.
    """
    named = ((path, parse_name(path, pattern, form)) for path in by_stem(images_in(folder), folder).values())
    samples = (Sample(path, int(match["identity"]), int(match["camera"])) for path, match in named)
    return tuple(sample for sample in samples if sample.identity != JUNK)
