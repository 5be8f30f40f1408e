"""The facts on a machine of which all is known."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from rga.installation import machine as module
from rga.installation.fact import Fact, discreet
from rga.installation.machine import blas_of, computing, devices, machine


def by_key(facts: Iterator[Fact]) -> dict[str, Fact]:
    """The facts by their names for programs."""
    listed = list(facts)
    found = {fact.key: fact for fact in listed}
    assert len(found) == len(listed)
    return found


def test_cores_memory_and_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "cores", lambda: 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_PHYS_PAGES": 2**20, "SC_PAGE_SIZE": 4096}[name])
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=3 * 2**30))
    found = by_key(machine())
    assert found["cpu_cores"] == Fact("cpu_cores", "CPU cores", 2, "2", "of 16, for this process")
    assert found["memory"].text == "4.0 GiB"
    assert found["disk_free"] == Fact("disk_free", "disk", 3 * 2**30, "3.0 GiB free", f"in {discreet(tmp_path)}")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert by_key(machine())["cpu_cores"].remark == ""


def test_what_pytorch_computes_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: False)
    monkeypatch.setattr("rga.training.memory.has_mallopt", lambda: False)
    monkeypatch.setattr(torch.__config__, "show", lambda: "BLAS_INFO=open, USE_CUDA=0")
    found = by_key(computing())
    assert found["threads"].text == "3"
    assert found["blas"].text == "open"
    assert (found["onednn"].value, found["onednn"].text) == (False, "missing")
    assert "7 bits" in found["cpu_capability"].remark
    assert (found["keeps_freed_memory"].value, found["keeps_freed_memory"].text) == (False, "given back")
    monkeypatch.setattr("rga.training.memory.has_mallopt", lambda: True)
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: True)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    found = by_key(computing())
    assert [found[key].value for key in ("onednn", "keeps_freed_memory")] == [True, True]
    assert "are exact" in found["cpu_capability"].remark
    assert blas_of("nothing is said") is None


def test_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    about = SimpleNamespace(name="Big GPU", total_memory=24 * 2**30, major=9, minor=0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _number: about)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    found = by_key(devices())
    assert list(found) == ["cuda:0", "cuda:1", "mps", "device_auto"]
    assert found["cuda:1"] == Fact("cuda:1", "cuda:1", "Big GPU", "Big GPU", "24 GiB, compute capability 9.0")
    assert (found["device_auto"].value, found["device_auto"].remark) == ("cuda", "")


@pytest.mark.parametrize(("cuda", "reason"), [("13.0", "no GPU that PyTorch can use"), (None, "this PyTorch is built for CPUs alone")])
def test_no_gpu(cuda: str | None, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", None)
    assert list(devices()) == [Fact("device_auto", "--device auto", "cpu", "cpu", reason)]


def test_a_report_holds_no_name_and_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert discreet("/home/ann/a b /home/ann") == "~/a b ~"
    assert discreet("/home/anna/a") == "/home/anna/a"
    assert discreet("no answer from https://ann:secret@proxy/x") == "no answer from https://proxy/x"
    monkeypatch.setenv("HOME", "/")
    assert discreet("/etc") == "/etc"
