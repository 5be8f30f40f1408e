"""Times and memory on a device: device events on a GPU, the clock on a CPU."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch.profiler import ProfilerActivity, profile

Run = Callable[[], object]


def milliseconds(run: Run, device: torch.device) -> float:
    """Milliseconds of one run, from its first work on the device to its last."""
    if device.type != "cuda":
        start = time.perf_counter()
        run()
        return 1e3 * (time.perf_counter() - start)
    first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize(device)
    first.record()
    run()
    last.record()
    torch.cuda.synchronize(device)
    spent: float = first.elapsed_time(last)
    return spent


def take_turns(runs: Sequence[Run], rounds: int, device: torch.device, warm_up: int = 2) -> list[float]:
    """Median milliseconds of each run, over rounds in which they take turns after some that do not count."""
    spent: list[list[float]] = [[] for _ in runs]
    for turn in range(warm_up + rounds):
        for run, own in zip(runs, spent, strict=True):
            each = milliseconds(run, device)
            if turn >= warm_up:
                own.append(each)
    return [statistics.median(own) for own in spent]


def peak_memory(run: Run, device: torch.device) -> float:
    """MiB that PyTorch's allocator held at most during a run, beyond what it held before; NaN where that is not counted."""
    if device.type != "cuda":
        return float("nan")
    gc.collect()
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    run()
    torch.cuda.synchronize(device)
    return (torch.cuda.max_memory_allocated(device) - before) / 2**20


def kernels(run: Run, device: torch.device) -> int:
    """Kernels that a run starts on the device; on a CPU, the operations that it calls."""
    kind = ProfilerActivity.CUDA if device.type == "cuda" else ProfilerActivity.CPU
    run()
    with profile(activities=[kind]) as profiled:
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    return len(profiled.profiler.kineto_results.events())
