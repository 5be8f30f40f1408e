"""Processes of tests that compute: forked from a server that has imported PyTorch and started no threads, as this process may have."""

import multiprocessing
import os
import sys
import traceback
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

import cloudpickle
import torch
from torch import distributed

ONE_MINUTE = timedelta(minutes=1)
"""Processes that do not find one another fail, and do not wait for half an hour."""

PRELOADED = ["torch", "torch.distributed", "rga", "rga.runs"]


def fork_server() -> ForkServerContext:
    """Where processes come from; each starts in a few milliseconds once the server has imported what they need."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def process(function: Callable[..., Any], *arguments: Any) -> ForkServerProcess:
    """A process, not yet started, that calls a function of a test: closures and local classes too."""
    return fork_server().Process(target=call, args=(cloudpickle.dumps(function), *arguments))


def call(function: bytes, *arguments: Any) -> None:
    """Calls a function that was sent here."""
    cloudpickle.loads(function)(*arguments)


def join_and_work(function: Callable[[], Any], rank: int, count: int, store: str, answers: Any) -> None:
    """What each of several processes does that exchange tensors: it puts its rank, what the function returns, and the error."""
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo0" if sys.platform == "darwin" else "lo"  # whatever the machine's name resolves to
    try:
        distributed.init_process_group("gloo", init_method=f"file://{store}", timeout=ONE_MINUTE, rank=rank, world_size=count)
        answers.put((rank, function(), None))
        distributed.barrier()
        distributed.destroy_process_group()
    except Exception:
        answers.put((rank, None, traceback.format_exc()))
