"""Colour histograms by stripes, against a count by hand."""

from pathlib import Path

import numpy as np
from PIL import Image

from rga.datasets.histogram import histogram_features


def test_a_stripe_counts_its_own_pixels(tmp_path: Path) -> None:
    Image.new("RGB", (64, 128), (255, 0, 0)).save(tmp_path / "red.png")
    (row,) = histogram_features([tmp_path / "red.png"])
    assert (row.shape, row.dtype.name) == ((6 * 8 * 4 * 4,), "float32")
    of_stripes = row.reshape(6, 8, 4, 4)
    rows = np.bincount(np.arange(128) * 6 // 128)
    assert rows.tolist() == [22, 21, 21, 22, 21, 21]
    np.testing.assert_allclose(of_stripes[:, 0, 3, 3], np.sqrt(rows / 128), rtol=1e-6)  # hue 0, full saturation and value
    assert np.count_nonzero(row) == 6
