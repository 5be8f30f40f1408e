"""The style of plots, and the error without matplotlib."""

import sys

import pytest

from rga.errors import MissingPackageError
from rga.reports.plotting import STYLES, new_figure, styles


def test_a_missing_matplotlib_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # its import fails, as if it were not installed
    with pytest.raises(MissingPackageError, match=r"matplotlib, which is not installed: pip install 'rga\[explain\]'") as raised:
        new_figure(4, 3)
    assert raised.value.name == "matplotlib"


def test_styles_can_be_skipped_and_begin_again() -> None:
    colours = [style["color"] for style in styles(5, skip=1)]
    assert colours == [STYLES[index][0] for index in (1, 2, 3, 0, 1)]
