"""Rendering by several processes: the same bytes as by one, and nothing is left when one fails or the caller stops."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rga.synthetic import side_by_side
from rga.synthetic.people import people
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.synthetic.side_by_side import RenderingError, rendered

SMALL = PeopleOptions(identities=6, cameras=3, images_per_camera=2, distractors=9, junk=3, height=64, width=32)


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[str]]]:
    """The processes that are started, none of which may be left."""
    found: list[subprocess.Popen[str]] = []
    start = side_by_side.started

    def started(module: str, order: dict[str, object]) -> subprocess.Popen[str]:
        found.append(start(module, order))
        return found[-1]

    monkeypatch.setattr(side_by_side, "started", started)
    yield found
    assert all(process.returncode is not None for process in found)


@pytest.mark.slow
def test_several_processes_render_the_bytes_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running: list[subprocess.Popen[str]]
) -> None:
    alone = make_people(tmp_path / "alone", SMALL)
    assert not running
    monkeypatch.setattr(people, "IMAGES_OF_A_PROCESS", 10)
    monkeypatch.setattr(people, "cores", lambda: 3)
    told: list[tuple[int, int]] = []
    together = make_people(tmp_path / "together", SMALL, lambda done, total: told.append((done, total)))
    assert len(running) == 3
    assert contents(together) == contents(alone)
    total = len(list(alone.rglob("*.jpg")))
    assert told == [(done, total) for done in range(1, total + 1)]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("from rga.errors import InputError\n\ndef render(order):\n    raise InputError('no room')\n    yield\n", "^no room$"),
        ("def render(order):\n    raise OSError('no space left')\n    yield\n", "^no space left$"),
        ("import os\n\ndef render(order):\n    yield 1\n    os._exit(7)\n", "exit code 7"),
    ],
)
def test_what_fails_in_a_process_is_told_and_ends_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running: list[subprocess.Popen[str]], code: str, message: str
) -> None:
    (tmp_path / "failing.py").write_text(f"{code}\nfrom rga.synthetic.side_by_side import obey\n\nobey(render)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RenderingError, match=message):
        list(rendered("failing", {}, 2))
    assert len(running) == 2


ENDLESS = """
import os, pathlib, time
from rga.synthetic.side_by_side import obey

def render(order):
    pathlib.Path(order["folder"], f"{os.getpid()}").touch()
    yield order["share"]
    time.sleep(600)

if __name__ == "__main__":
    obey(render)
"""


def test_who_stops_listening_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running: list[subprocess.Popen[str]]
) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    monkeypatch.syspath_prepend(tmp_path)
    images = rendered("endless", {"folder": str(tmp_path)}, 2)
    assert next(images) in (0, 1)
    images.close()  # type: ignore[attr-defined]
    assert len(running) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="looks for processes by number")
def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    numbers = tmp_path / "numbers"
    numbers.mkdir()
    caller = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from rga.synthetic.side_by_side import rendered\n"
        f"for image in rendered('endless', {{'folder': {str(numbers)!r}}}, 1): print(image, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", caller], stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "0\n"
        process.kill()
    (number,) = (int(path.name) for path in numbers.iterdir())
    deadline = time.monotonic() + 30
    while alive(number) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(number)


def alive(number: int) -> bool:
    """Whether a process is there, and not only its entry in the table."""
    status = Path(f"/proc/{number}/stat")
    return status.is_file() and status.read_text().rpartition(")")[2].split()[0] != "Z"
