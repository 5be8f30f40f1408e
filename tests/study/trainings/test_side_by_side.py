"""Trainings side by side, with short programs in the place of trainings."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from rga.reid.recipes import tiny
from rga.study.trainings.job import Job
from rga.study.trainings.side_by_side import Ended, State, run_jobs

PROGRAM = """
import json, pathlib, sys, time
job = json.loads(sys.stdin.readline())
folder = pathlib.Path(job["folder"])
(folder / "began").write_text(json.dumps(job["at_once"]))
what = folder.name.split("-")[0]
if what == "good":
    sys.exit(0)
if what == "bad":
    print("first"); print("rga: error: no space"); sys.exit(2)
if what == "lasting":
    sys.stdin.read()          # until it is asked to stop
    (folder / "stopped").touch()
    sys.exit(143)
if what == "deaf":
    while True: time.sleep(1)
"""


MakeJob = Callable[[str], Job]


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeJob:
    """Makes a job by the name of what its program does: good, bad, lasting, deaf."""
    monkeypatch.setattr("rga.study.trainings.job.COMMAND", (sys.executable, "-c", PROGRAM))
    return lambda name: Job(name, tiny().override(threads=1), tmp_path / name)


def test_all_are_run_and_each_outcome_is_told(job: MakeJob, tmp_path: Path) -> None:
    told: list[Ended] = []
    together = run_jobs([job("good-1"), job("bad-2"), job("good-3")], 2, on_end=told.append)
    assert {ended.job.name: ended.state for ended in told} == {
        "good-1": State.FINISHED,
        "bad-2": State.FAILED,
        "good-3": State.FINISHED,
    }
    assert together.of(State.FAILED)[0].reason == "exit code 2: first / rga: error: no space"
    assert (together.exit_code, together.left, together.out_of_time) == (1, (), False)
    assert json.loads((tmp_path / "good-1" / "began").read_text()) == 2


def test_no_more_run_at_once_than_asked_for(job: MakeJob) -> None:
    seen: list[int] = []
    run_jobs([job(f"good-{number}") for number in range(4)], 1, on_look=lambda running: seen.append(len(running)))
    assert max(seen) == 1


def test_the_time_stops_what_runs_and_begins_nothing_more(job: MakeJob, tmp_path: Path) -> None:
    jobs = [job("lasting-1"), job("lasting-2"), job("good-3")]
    together = run_jobs(jobs, 2, minutes=0.03)
    assert [ended.state for ended in together.ended] == [State.STOPPED, State.STOPPED]
    assert (together.left, together.out_of_time, together.exit_code) == ((jobs[2],), True, 0)
    assert (tmp_path / "lasting-1" / "stopped").is_file()
    assert not (tmp_path / "good-3").exists()


def test_ctrl_c_stops_what_runs(job: MakeJob, tmp_path: Path) -> None:
    def typed(_running: Sequence[Job]) -> None:
        if (tmp_path / "lasting-1" / "began").is_file() and not sent:
            sent.append(True)
            os.kill(os.getpid(), signal.SIGINT)

    sent: list[bool] = []
    together = run_jobs([job("lasting-1"), job("good-2")], 1, on_look=typed)
    assert (together.exit_code, together.signal) == (130, signal.SIGINT)
    assert [ended.state for ended in together.ended] == [State.STOPPED]
    assert [left.name for left in together.left] == ["good-2"]


@pytest.mark.slow
def test_one_that_does_not_stop_is_ended_and_has_failed(job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.study.trainings.side_by_side.PATIENCE", 0.5)
    together = run_jobs([job("deaf-1"), job("lasting-2")], 2, minutes=0.05)
    assert {ended.job.name: ended.state for ended in together.ended} == {"deaf-1": State.FAILED, "lasting-2": State.STOPPED}
    assert together.of(State.FAILED)[0].reason == "it did not stop within 0 s, and was ended"
    assert together.out_of_time


def test_an_error_leaves_no_process_behind(job: MakeJob, tmp_path: Path) -> None:
    def wrong(_running: Sequence[Job]) -> None:
        if (tmp_path / "deaf-1" / "began").is_file():
            raise RuntimeError("wrong")

    with pytest.raises(RuntimeError, match="wrong"):
        run_jobs([job("deaf-1")], 1, on_look=wrong)
    assert not [line for line in processes() if str(tmp_path) in line]


def test_a_process_does_not_outlive_the_one_that_started_it(tmp_path: Path) -> None:
    parent = f"""
import sys
from pathlib import Path
from rga.study.trainings import job
from rga.study.trainings.side_by_side import run_jobs
from rga.reid.recipes import tiny
job.COMMAND = (sys.executable, "-c", {PROGRAM!r})
run_jobs([job.Job("lasting-1", tiny(), Path({str(tmp_path / "lasting-1")!r}))], 1)
"""
    started = subprocess.Popen([sys.executable, "-c", parent])
    wait_for(tmp_path / "lasting-1" / "began")
    started.kill()
    started.wait()
    wait_for(tmp_path / "lasting-1" / "stopped")


def wait_for(path: Path) -> None:
    """Waits until a file is there."""
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} does not come"
        time.sleep(0.02)


def processes() -> list[str]:
    """The command lines of all processes."""
    return [path.read_bytes().decode(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
