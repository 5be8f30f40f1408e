"""What a gallery of people needs on this machine: the programs of PostgreSQL, and a detector of people for whole frames."""

from __future__ import annotations

from collections.abc import Iterator

from rga.errors import RgaError
from rga.installation.fact import Fact, discreet


def galleries() -> Iterator[Fact]:
    """Whether a gallery in a folder can be here, and who finds people in frames. PyTorch must be installed."""
    found = postgresql()
    yield found
    from rga.gallery.enrolment.detectors.opening import default_detector  # noqa: PLC0415  imports PyTorch

    try:
        detector = default_detector()
    except RgaError as error:
        yield Fact("detector", "detector of people", None, "none", discreet(error))
        return
    yield Fact("detector", "detector of people", detector, detector, "finds people in frames and video, unless --detector names another")


def postgresql() -> Fact:
    """The programs of PostgreSQL that come with the extra ``gallery``, and who they would run as."""
    try:
        from rga.gallery.store.postgresql.programs import account, program, run_program  # noqa: PLC0415  needs the extra

        program("postgres")
        who = account()
        version = run_program("postgres", ["--version"], who).strip().rpartition(" ")[2]
    except RgaError as error:
        return Fact("postgresql", "PostgreSQL", None, "not found", discreet(error))
    runs_as = "runs as you" if who is None else f"runs as the user {who.name}, as root must not run it"
    return Fact("postgresql", "PostgreSQL", version, version, f"for galleries in folders; {runs_as}")
