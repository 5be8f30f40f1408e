"""The packages that are needed, and those of the extras: which are there, and which of these cannot be imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from rga.extras import OPTIONAL
from rga.installation.importing import failures

NEEDED = {
    "torch": "torch",
    "torchvision": "torchvision",
    "timm": "timm",
    "numpy": "numpy",
    "PIL": "pillow",
    "pydantic": "pydantic",
    "tyro": "tyro",
    "safetensors": "safetensors",
    "huggingface_hub": "huggingface-hub",
    "rich": "rich",
    "jinja2": "jinja2",
    "filelock": "filelock",
}
"""Module -> the package on PyPI, of all that ``pip install rga`` installs."""


@dataclass(frozen=True)
class Package:
    """A package that this one uses.

    Attributes:
        name: on PyPI.
        version: that is installed; None if it is not.
        needed: nothing works without it.
        purpose: what it is for; empty if it is needed.
        install: what ``pip install`` is given to get it.
        broken: why it cannot be imported although it is there; None if it can, or if it is not there.
    """

    name: str
    version: str | None
    needed: bool
    purpose: str
    install: str
    broken: str | None = None

    @property
    def problem(self) -> str | None:
        """What is wrong, with what to do about it; None if nothing is."""
        if self.broken is not None:
            found = f"{self.name} {self.version} is installed and cannot be imported ({self.broken})"
            return f"{found}: pip install --force-reinstall {self.name}"
        if self.needed and self.version is None:
            return f"{self.name} is needed and not installed: pip install {self.install}"
        return None


def packages() -> tuple[Package, ...]:
    """All of them: first those that are needed, then those of the extras. What is there is imported, in another process."""
    versions = {module: installed(name) for module, name in projects().items()}
    broken = failures([module for module, found in versions.items() if found is not None])
    needed = (Package(name, versions[module], True, "", "rga", broken.get(module)) for module, name in NEEDED.items())
    optional = (
        Package(
            each.project,
            versions[module],
            False,
            each.purpose,
            f"'rga[{each.extra}]'" if each.extra else each.project,
            broken.get(module),
        )
        for module, each in OPTIONAL.items()
    )
    return (*needed, *optional)


def projects() -> Mapping[str, str]:
    """Module -> package of all of them."""
    return {**NEEDED, **{module: each.project for module, each in OPTIONAL.items()}}


def installed(package: str) -> str | None:
    """The version of a package; None if it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
