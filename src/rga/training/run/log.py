"""What happened in a training: lines of JSON, and TensorBoard where it is installed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rga.errors import InputError
from rga.storage.files import named
from rga.storage.utf8 import is_utf8

LOG_FILE = "log.jsonl"


class RunLog:
    """Appends events to ``log.jsonl`` in a run's folder, and scalars to TensorBoard.

    Args:
        folder: of the run.
        tensorboard: also write for TensorBoard; needs ``pip install rga[logs]``.
        length: bytes of the log that count, when a training goes on from a checkpoint: what came after it will come again.
        step: of that checkpoint.

    Raises:
        InputError: TensorBoard is wanted and not installed, or cannot write to the folder.
    """

    def __init__(self, folder: Path, tensorboard: bool = False, length: int | None = None, step: int | None = None) -> None:
        self.path = path = folder / LOG_FILE
        if length is not None and path.exists() and path.stat().st_size > length:
            os.truncate(path, length)
        if length is not None and path.is_file():
            whole = path.read_bytes().rfind(b"\n") + 1
            if whole < path.stat().st_size:  # half a line, of one who was killed or whose disk was full
                os.truncate(path, whole)
        self.file = path.open("ab", buffering=0)
        self.writer: Any = None
        if tensorboard:
            if find_spec("tensorboard") is None:
                raise InputError("TensorBoard is not installed: pip install 'rga[logs]', or leave tensorboard off")
            if not is_utf8(folder):
                raise InputError(f"TensorBoard cannot write to {folder}, whose name is not UTF-8: name another, or leave tensorboard off")
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  # optional and slow to import

            self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=None if step is None else step + 1)

    def write(self, kind: str, step: int, values: Mapping[str, float | int | str]) -> None:
        """Writes one event: its kind (``train``, ``evaluate``, ...), the step, and its values.

        Raises:
            OSError: the line could not be written; the log is named.
        """
        line = (json.dumps({"time": round(time.time(), 3), "kind": kind, "step": step, **values}) + "\n").encode()
        before = self.length()
        try:
            while line:
                line = line[self.file.write(line) :]
        except OSError as error:
            with suppress(OSError):  # the first error is the one to tell
                if self.length() > before:
                    self.file.truncate(before)  # half a line, which what is written later would be joined to
            raise named(error, self.path) from error
        if self.writer is not None:
            for name, value in values.items():
                if isinstance(value, (int, float)):
                    self.writer.add_scalar(f"{kind}/{name}", value, step)

    def length(self) -> int:
        """Bytes of the log so far."""
        return os.fstat(self.file.fileno()).st_size

    def flush(self) -> None:
        """Has the disk hold what the log has so far."""
        os.fsync(self.file.fileno())

    def __enter__(self) -> Self:
        """The log itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Closes the files."""
        self.file.close()
        if self.writer is not None:
            self.writer.close()


def read_log(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The events of one kind in a run's log, in their order; half a line at its end, of one who was killed, is none.

    Raises:
        InputError: the log is damaged; it and the line are named.
    """
    path = folder / LOG_FILE
    events = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            event = json.loads(line)
            if event["kind"] == kind:
                events.append(event)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is damaged in line {number}: {error!r}; put it back, or move it away") from error
    return events
