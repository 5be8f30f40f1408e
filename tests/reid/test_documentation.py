"""The Python of the page on ranking runs."""

import re
from pathlib import Path

import pytest


def test_the_page_on_ranking(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", (project / "docs" / "ranking.md").read_text(), flags=re.DOTALL):
        exec(block, scope)
    assert "re-ranked distance" in capsys.readouterr().out
    assert "pairs" in scope
