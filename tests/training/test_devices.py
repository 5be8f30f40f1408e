"""Devices by their names: what is there is taken, what is not is refused with what is."""

import pytest
import torch

from rga.errors import InputError
from rga.training.devices import available, choose_device
from rga.training.recipe import check_device_name


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without any GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    return monkeypatch


def give_gpus(machine: pytest.MonkeyPatch, count: int) -> None:
    machine.setattr(torch.cuda, "is_available", lambda: True)
    machine.setattr(torch.cuda, "device_count", lambda: count)


def test_without_a_gpu_there_is_the_cpu(machine: pytest.MonkeyPatch) -> None:
    assert available() == ["cpu"]
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    for name in ("cuda", "cuda:0", "mps"):
        with pytest.raises(InputError, match=f"device '{name}' is not available here: available are cpu$"):
            choose_device(name)


def test_one_gpu_of_several_is_chosen_by_its_number(machine: pytest.MonkeyPatch) -> None:
    give_gpus(machine, 2)
    assert available() == ["cpu", "cuda:0", "cuda:1"]
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda")
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(InputError, match="device 'cuda:2' is not available here: available are cpu, cuda:0, cuda:1"):
        choose_device("cuda:2")


def test_a_second_gpu_that_is_not_there_is_refused_with_those_that_are(machine: pytest.MonkeyPatch) -> None:
    give_gpus(machine, 1)
    with pytest.raises(InputError, match=r"device 'cuda:1' is not available here: available are cpu, cuda:0$"):
        choose_device("cuda:1")


def test_auto_never_takes_mps_and_says_why(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(torch.backends.mps, "is_available", lambda: True)
    assert available() == ["cpu", "mps"]
    with pytest.warns(UserWarning, match="Apple GPU, and it is not used: .*have not been run on MPS yet; --device mps uses it"):
        assert choose_device("auto") == torch.device("cpu")
    assert choose_device("mps") == torch.device("mps")


def test_with_a_cuda_gpu_nothing_is_said_about_mps(machine: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder) -> None:
    machine.setattr(torch.backends.mps, "is_available", lambda: True)
    give_gpus(machine, 1)
    assert choose_device("auto") == torch.device("cuda")
    assert list(recwarn) == []


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "CPU", "cpu:0", "", "auto "])
def test_other_names_are_refused_with_the_known_ones(name: str) -> None:
    for check in (check_device_name, choose_device):
        with pytest.raises(
            InputError, match=f"unknown device '{name}': choose auto, cpu, cuda, a GPU by its number such as cuda:1, or mps"
        ):
            check(name)
