"""``rga gallery stats | doctor | relocate | calibrate | export``: the gallery as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from rga.cli.commands.gallery.words import Triple, Where, person_of
from rga.cli.parsing import Model
from rga.cli.progress import progress
from rga.gallery.embedder import model_options
from rga.gallery.gallery import Gallery
from rga.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from rga.printable import printable
from rga.storage.outputs import check_output
from rga.terminal import PlainConsole, folding_table


def stats(gallery: Where) -> None:
    """Show what a gallery holds.

    Args:
        gallery: Its folder or its URL.
    """
    with Gallery.open(gallery) as opened:
        found = opened.stats()
    table = folding_table("", "")
    times = " to ".join(f"{time.astimezone():%Y-%m-%d %H:%M}" for time in (found.first, found.last) if time)
    limit = found.calibration
    for what, value in (
        ("sightings", f"{found.sightings:,}, of {found.named:,} the person is known"),
        ("people", f"{found.people:,}"),
        ("cameras", ", ".join(f"{camera or 'unknown'} {count:,}" for camera, count in found.cameras.items()) or "not known"),
        ("times", times or "not known"),
        ("model", f"{found.model} ({found.fingerprint}), {found.dimensions} numbers"),
        (
            "a match is",
            "not calibrated" if limit is None else f"at most {limit.match:.3g} away (false alarms {limit.false_alarm_rate:.1%})",
        ),
        ("search", "by an index" if found.indexed else "exact"),
        ("thumbnails", found.thumbnails),
        ("on the disk", f"{found.bytes / 2**20:,.0f} MiB"),
        ("database", f"PostgreSQL {found.postgresql}, pgvector {found.pgvector}"),
    ):
        table.add_row(what, printable(value))
    PlainConsole().print(table)


def doctor(gallery: Where) -> int:
    """Look whether all of a gallery is as it should be.

    Args:
        gallery: Its folder or its URL.

    Returns:
        Exit code: 0 if it is, 1 if something is not.
    """
    with Gallery.open(gallery) as opened:
        findings = opened.doctor()
    table = folding_table("", "what", "found")
    for finding in findings:
        table.add_row("ok" if finding.healthy else "WRONG", printable(finding.what), printable(finding.details))
    PlainConsole().print(table)
    return 0 if all(finding.healthy for finding in findings) else 1


def relocate(
    gallery: Where,
    model: Model,
    *,
    flip: bool = False,
    image_size: tuple[int, int] | None = None,
    mean: Triple = IMAGENET_MEAN,
    std: Triple = IMAGENET_STD,
    device: str = "auto",
) -> None:
    """Say where the model of a gallery is now: a gallery names its model by its path, and does not hold it.

    Args:
        gallery: Its folder or its URL.
        model: The same model, as in rga gallery create.
        flip: As it was for rga gallery create.
        image_size: Likewise.
        mean: Likewise.
        std: Likewise.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    with Gallery.open(gallery, device=device) as opened:
        opened.relocate(model, **model_options(flip, image_size, mean, std))
    PlainConsole().sentence(f"the gallery finds its model at {model} now")


def calibrate(gallery: Where, *, false_alarms: float = 0.01, unsure: float = 0.1) -> None:
    """Choose, on the gallery's own people, up to which distance a search says match, unsure and unknown.

    Args:
        gallery: Its folder or its URL.
        false_alarms: Share of unknown people who may be taken for somebody.
        unsure: Share of unknown people about whom a search may be unsure, or wrong.
    """
    with Gallery.open(gallery) as opened:
        found = opened.calibrate(false_alarms, unsure)
    seen = "" if found.found_rate is None else f"; {found.found_rate:.1%} of known people are found first, and so near"
    PlainConsole().sentence(
        f"a match is at most {found.match:.4f} away, unsure at most {found.unsure:.4f}: of {found.queries:,} images of unknown people "
        f"{found.false_alarm_rate:.1%} and {found.unsure_rate:.1%} were so near to somebody, among {found.gallery:,} sightings{seen}"
    )


def export(
    gallery: Where, *, output: Annotated[Path, tyro.conf.arg(aliases=["-o"])], person: str | None = None, overwrite: bool = False
) -> None:
    """Write all of a gallery into one file, to be moved or kept; or all that it knows about one person.

    Args:
        gallery: Its folder or its URL.
        output: The file, a zip.
        person: Write what is known about this person, by name or identifier.
        overwrite: Replace the file if it is there already.
    """
    check_output(output, overwrite=overwrite)
    with Gallery.open(gallery) as opened, progress("exporting") as bar:
        count = opened.export(output, progress=bar) if person is None else opened.export_person(person_of(opened, person), output)
    PlainConsole().sentence(f"wrote {count:,} sightings to {output}")
