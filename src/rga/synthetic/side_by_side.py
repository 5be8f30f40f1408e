"""Rendering by several processes, each of them a share of the images.

Not by ``multiprocessing``, whose new processes import the caller's script again: a script that only calls ``make_people`` would start
itself. The processes here are ``python -m MODULE``; they read what to do from standard input and end when it ends, so they do not outlive
the process that started them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Any

from rga.errors import RgaError


class RenderingError(RgaError):
    """A process that renders images failed."""


def rendered(module: str, order: Mapping[str, Any], processes: int) -> Iterator[Any]:
    """Lets processes render an order, and yields what they say of each image, in the order in which it comes.

    Args:
        module: what each runs; it calls ``obey``.
        order: what to render, as JSON has it.
        processes: how many; each is told its ``share`` of so many ``shares``.

    Raises:
        RenderingError: one of them failed; the others are ended.
    """
    said: SimpleQueue[str] = SimpleQueue()
    with ExitStack() as stack:
        working = [stack.enter_context(started(module, {**order, "share": share, "shares": processes})) for share in range(processes)]
        for process in working:
            stack.callback(process.kill)
            threading.Thread(target=hand_on, args=(process, said), daemon=True).start()
        ended = 0
        while ended < processes:
            line = said.get()
            if line:
                answer = json.loads(line)
                if "error" in answer:
                    raise RenderingError(answer["error"])
                yield answer["image"]
            else:
                ended += 1
        for process in working:
            if code := process.wait():
                raise RenderingError(f"a process that rendered images ended with exit code {code}")


def started(module: str, order: Mapping[str, Any]) -> subprocess.Popen[str]:
    """A process that has its order; its standard input stays open."""
    command = [sys.executable, "-m", module]
    process = subprocess.Popen(  # noqa: S603  our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", env=environment()
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    return process


def environment() -> dict[str, str]:
    """That of this process, with its own path of modules."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def hand_on(process: subprocess.Popen[str], said: SimpleQueue[str]) -> None:
    """Puts all lines of a process into a queue, and an empty one when it ends."""
    assert process.stdout is not None
    for line in process.stdout:
        said.put(line)
    said.put("")


def obey(render: Callable[[Mapping[str, Any]], Iterable[Any]]) -> None:
    """What such a process does: reads its order from standard input, and says of each image what ``render`` yields, as lines of JSON."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the one that started this ends it
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=end_with_input, daemon=True).start()
    try:
        for image in render(order):
            print(json.dumps({"image": image}), flush=True)
    except (RgaError, OSError) as error:
        print(json.dumps({"error": str(error)}), flush=True)


def end_with_input() -> None:
    """Ends this process when its standard input ends; read below ``sys.stdin``, whose lock a daemon thread must not hold at the end."""
    while os.read(0, 1024):
        continue
    os._exit(1)
