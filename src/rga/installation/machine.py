"""The machine: its system, cores, memory and devices, and what of them PyTorch uses."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from rga.cores import cores
from rga.installation.fact import GIB, Fact, discreet


def machine() -> Iterator[Fact]:
    """What is known without PyTorch."""
    yield Fact("python", "Python", platform.python_version(), platform.python_version(), discreet(sys.executable))
    yield Fact("system", "system", platform.platform(), platform.platform())
    there = os.cpu_count() or cores()
    yield Fact("cpu_cores", "CPU cores", cores(), str(cores()), f"of {there}, for this process" if there != cores() else "")
    sysconf = getattr(os, "sysconf", None)  # not on Windows
    if sysconf is not None and "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        memory = sysconf("SC_PHYS_PAGES") * sysconf("SC_PAGE_SIZE")
        yield Fact("memory", "memory", memory, f"{memory / GIB:.1f} GiB")
    free = shutil.disk_usage(Path.cwd()).free
    yield Fact("disk_free", "disk", free, f"{free / GIB:.1f} GiB free", f"in {discreet(Path.cwd())}")


def computing() -> Iterator[Fact]:
    """What PyTorch computes with, which must be installed: threads, libraries, devices, memory."""
    import torch  # noqa: PLC0415  slow to import, and perhaps broken

    from rga.deploy.int8.onnx import has_vnni  # noqa: PLC0415
    from rga.training.memory import has_mallopt  # noqa: PLC0415

    threads, between = torch.get_num_threads(), torch.get_num_interop_threads()
    yield Fact("threads", "threads", threads, str(threads), f"within an operation of PyTorch, {between} for operations side by side")
    blas = blas_of(torch.__config__.show())
    yield Fact("blas", "matrix products", blas, blas or "unknown", "the library that PyTorch multiplies matrices with on a CPU")
    onednn = torch.backends.mkldnn.is_available()
    capability = torch.backends.cpu.get_cpu_capability()
    yield Fact("onednn", "oneDNN", onednn, "there" if onednn else "missing", "" if onednn else "convolutions on a CPU are slow without it")
    eight_bits = "has VNNI: products of 8-bit integers are exact" if has_vnni() else "no VNNI: int8 in ONNX keeps to 7 bits"
    yield Fact("cpu_capability", "CPU instructions", capability, capability, eight_bits)
    keeps = has_mallopt()
    kept = "keeps what a step frees, by glibc's mallopt" if keeps else "is as the system has it: no glibc"
    yield Fact("keeps_freed_memory", "memory of a training", keeps, "kept" if keeps else "given back", kept)
    yield from devices()


def devices() -> Iterator[Fact]:
    """Each GPU, and what ``--device auto`` chooses."""
    import torch  # noqa: PLC0415  slow to import, and perhaps broken

    from rga.training.devices import UNTRIED  # noqa: PLC0415

    for number in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(number)
        remark = f"{about.total_memory / GIB:.0f} GiB, compute capability {about.major}.{about.minor}"
        yield Fact(f"cuda:{number}", f"cuda:{number}", about.name, about.name, remark)
    if torch.backends.mps.is_available():
        yield Fact("mps", "mps", "Apple GPU", "Apple GPU", UNTRIED)
    chosen = "cuda" if torch.cuda.is_available() else "cpu"
    built = torch.version.cuda or torch.version.hip
    reason = "" if chosen == "cuda" else "no GPU that PyTorch can use" if built else "this PyTorch is built for CPUs alone"
    yield Fact("device_auto", "--device auto", chosen, chosen, reason)


def blas_of(configuration: str) -> str | None:
    """The library for matrix products, as PyTorch tells how it was built; None if it does not say.

    Example:
        >>> blas_of("Build settings: BLAS_INFO=mkl, BUILD_TYPE=Release")
        'mkl'
    """
    found = re.search(r"\bBLAS_INFO=([^,\s]+)", configuration)
    return found[1] if found else None
