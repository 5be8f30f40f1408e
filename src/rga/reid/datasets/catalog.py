"""The catalogue: every dataset by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from rga.datasets.catalog import Catalog
from rga.reid.datasets import cuhk03, dukemtmc, folder, market1501, msmt17, names, table, veri
from rga.reid.datasets.check import check_data
from rga.reid.datasets.samples import ReidData, SplitCounts
from rga.reid.datasets.video import folder as tracklets
from rga.reid.datasets.video import ilids_vid, mars, prid2011, walks

Reader = Callable[..., ReidData]

READERS: dict[str, Reader] = {
    "market1501": market1501.read_market1501,
    "msmt17": msmt17.read_msmt17,
    "dukemtmc": dukemtmc.read_dukemtmc,
    "veri": veri.read_veri,
    "cuhk03-labeled": partial(cuhk03.read_cuhk03, boxes="labeled"),
    "cuhk03-detected": partial(cuhk03.read_cuhk03, boxes="detected"),
    "cuhk03-classic-labeled": partial(cuhk03.read_cuhk03_classic, boxes="labeled"),
    "cuhk03-classic-detected": partial(cuhk03.read_cuhk03_classic, boxes="detected"),
    "folder": folder.read_folder,
    "names": names.read_names,
    "csv": table.read_table,
    "mars": mars.read_mars,
    "ilids-vid": ilids_vid.read_ilids_vid,
    "prid2011": prid2011.read_prid2011,
    "tracklets": tracklets.read_tracklets,
    "walks": walks.read_walks,
}
"""Name -> reader(root, **options)."""

EXPECTED: dict[str, Mapping[str, SplitCounts]] = {
    "market1501": market1501.EXPECTED,
    "msmt17": msmt17.EXPECTED,
    "dukemtmc": dukemtmc.EXPECTED,
    "veri": veri.EXPECTED,
    "cuhk03-labeled": cuhk03.EXPECTED["labeled"],
    "cuhk03-detected": cuhk03.EXPECTED["detected"],
    "mars": mars.EXPECTED,
    "ilids-vid": ilids_vid.EXPECTED,
    "prid2011": prid2011.EXPECTED,
}
"""Name -> the counts of its protocol, where it has one."""

CATALOG: Catalog[ReidData] = Catalog(READERS, check_data, EXPECTED)
"""The datasets; ``CATALOG.read("NAME:FOLDER?option=value")`` reads one."""
