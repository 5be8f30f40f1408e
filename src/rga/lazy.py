"""Names of a package that are imported when they are first used, so that importing the package is light."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping


def lazily(
    package: str, homes: Mapping[str, str], packages: frozenset[str] = frozenset()
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """A module's ``__getattr__`` and ``__dir__``.

    Args:
        package: its name.
        homes: public name -> the module in which it lives.
        packages: names of its packages that are reached as attributes.
    """

    def get(name: str) -> object:
        if name in packages:
            return importlib.import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(homes[name]), name)

    return get, lambda: sorted({*homes, *packages})
