"""``rga gallery name | merge | undo | remove | expire``: what people tell a gallery, and what they take out of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import tyro

from rga.cli.commands.gallery.words import Where, counted, person_of, read_ids
from rga.errors import InputError
from rga.gallery.gallery import Gallery
from rga.gallery.results import Receipt
from rga.storage.files import write_json
from rga.storage.outputs import check_output
from rga.terminal import PlainConsole

Person = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PERSON")]
Output = Annotated[Path | None, tyro.conf.arg(aliases=["-o"])]


def name(gallery: Where, person: Person, new: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]) -> None:
    """Name a person.

    Args:
        gallery: Its folder or its URL.
        person: The name that the person has, or the identifier.
        new: The new name.
    """
    with Gallery.open(gallery) as opened:
        opened.name(person_of(opened, person), new)
        PlainConsole().sentence(f"{person} is called {new} now (rga gallery undo takes that back)")


def merge(gallery: Where, people: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PERSON")]) -> None:
    """Make several people one, who keeps the name of the first.

    Args:
        gallery: Its folder or its URL.
        people: Names or identifiers, two or more.
    """
    if len(people) < 2:
        raise InputError("name at least two people to merge")
    with Gallery.open(gallery) as opened:
        first, *others = [person_of(opened, person) for person in people]
        opened.merge(first, others)
        hidden = ", whom searches leave out, as one of them was hidden" if opened.person(first).hidden else ""
        PlainConsole().sentence(f"{', '.join(people)} are one person now{hidden} (rga gallery undo takes that back)")


def undo(gallery: Where) -> None:
    """Undo the last thing that was said about people: a name, a merge, a split, a judgement.

    Args:
        gallery: Its folder or its URL.
    """
    with Gallery.open(gallery) as opened:
        action = opened.undo()
        PlainConsole().sentence(f"undone: {action.kind} of {action.time.astimezone():%Y-%m-%d %H:%M:%S}")


def remove(
    gallery: Where,
    *,
    person: str | None = None,
    sightings: tuple[str, ...] = (),
    source: str | None = None,
    camera: str | None = None,
    every_recording: bool = False,
    keep_out: bool = True,
    output: Output = None,
    overwrite: bool = False,
) -> int:
    """Remove people or sightings for good, and look afterwards that nothing is left of them; this cannot be undone.

    Args:
        gallery: Its folder or its URL.
        person: Remove this person, by name or identifier, with all sightings.
        sightings: Remove these, by their identifiers.
        source: Remove all that is of this source.
        camera: Remove all that this camera saw.
        every_recording: Also where several videos or folders of the same name were added, as cam1/today.mp4 and cam2/today.mp4.
        keep_out: Do not take the same files again when they are added again; for this a digest of each is kept.
        output: Also write the receipt to this file, as JSON.
        overwrite: Replace the file if it is there already.

    Returns:
        Exit code: 0 if nothing is left, 1 if something is.
    """
    check_output(output, overwrite=overwrite)
    with Gallery.open(gallery) as opened:
        who = None if person is None else person_of(opened, person)
        receipt = opened.remove(
            sightings=read_ids(sightings), person=who, source=source, camera=camera, every_recording=every_recording, keep_out=keep_out
        )
    return told(receipt, output)


def expire(gallery: Where, *, days: float, output: Output = None, overwrite: bool = False) -> int:
    """Remove for good what was taken longer ago than a number of days; or added, where nobody knows when it was taken.

    Args:
        gallery: Its folder or its URL.
        days: Age in days.
        output: Also write the receipt to this file, as JSON.
        overwrite: Replace the file if it is there already.

    Returns:
        Exit code: 0 if nothing is left, 1 if something is.
    """
    check_output(output, overwrite=overwrite)
    try:
        age = timedelta(days=days)
    except (OverflowError, ValueError) as error:
        raise InputError(f"--days is the age that is kept, got {days}: name a smaller number above 0") from error
    with Gallery.open(gallery) as opened:
        receipt = opened.expire(age)
    return told(receipt, output)


def told(receipt: Receipt, output: Path | None) -> int:
    """Prints and writes a receipt; the exit code."""
    if output is not None:
        fields = {name: value if isinstance(value, (int, bool)) else str(value) for name, value in vars(receipt).items()}
        write_json(output, {**fields, "proven": receipt.proven})
    thumbnails, people = counted(receipt.thumbnails, "thumbnail"), counted(receipt.people, "person", "people")
    gone = f"{counted(receipt.removed, 'sighting')}, {counted(receipt.embeddings, 'embedding')}, {thumbnails} and {people}"
    searched = f"{counted(receipt.queries, 'search', 'searches')} with removed embeddings found {receipt.found:,} of them"
    left = f"{counted(receipt.orphans, 'row')} belonged to them, {counted(receipt.dead_rows, 'dead row')} not yet off the disk"
    PlainConsole().sentence(f"removed {gone}; afterwards {searched}, {left}")
    return 0 if receipt.proven else 1
