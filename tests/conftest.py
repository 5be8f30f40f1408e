"""What all tests share."""

from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)  # many small tests, in as many processes as there are cores: more threads would wait for one another

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's root folder."""
    return ROOT
