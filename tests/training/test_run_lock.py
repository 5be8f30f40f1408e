"""A run's folder belongs to one training at a time."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rga.training.run.lock import SOFT_LOCK_FILE, locked

HOLDER = """
import sys
from pathlib import Path
from rga.training.run.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match=rf"is being trained in by process {holder.pid} on .*--out"), locked(tmp_path):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    with locked(tmp_path):
        assert f"process {os.getpid()} on" in (tmp_path / ".lock-holder").read_text()
    with locked(tmp_path):
        pass


FORKING = """
import os, sys
from pathlib import Path
from rga.training.run.lock import locked
with locked(Path(sys.argv[1])):
    if os.fork() == 0:
        print(os.getpid(), flush=True)
    sys.stdin.read()
"""


def test_workers_that_outlive_their_training_do_not_hold_its_folder(tmp_path: Path) -> None:
    words = [sys.executable, "-c", FORKING, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        worker = int(holder.stdout.readline())
        try:
            os.kill(holder.pid, signal.SIGKILL)
            holder.wait()
            with locked(tmp_path):
                pass
        finally:
            os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(fcntl, "lockf", refuse)
    with locked(tmp_path):
        with pytest.raises(ValueError, match=rf"being trained in by process {os.getpid()} .*remove .*{SOFT_LOCK_FILE}"), locked(tmp_path):
            pass
        assert (tmp_path / SOFT_LOCK_FILE).exists()
    with locked(tmp_path):
        pass


def test_a_disk_that_fails_is_no_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(OSError, match="Input/output error"), locked(tmp_path):
        pass
