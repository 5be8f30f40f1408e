"""``rga gallery search | show``: who was seen, where and when."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from rga.checks import check_at_least
from rga.cli.commands.gallery.words import Where, person_of, read_ids, read_time, seen
from rga.cli.parsing import Images
from rga.errors import InputError
from rga.gallery.gallery import Gallery
from rga.gallery.results import Group, SearchResult
from rga.images.images import read_image
from rga.images.named import images_at
from rga.printable import printable
from rga.storage.files import write_json
from rga.storage.outputs import check_output
from rga.terminal import PlainConsole, folding_table


def search(
    gallery: Where,
    images: Images = (),
    *,
    top: int = 10,
    camera: tuple[str, ...] = (),
    since: str | None = None,
    until: str | None = None,
    like: tuple[str, ...] = (),
    unlike: tuple[str, ...] = (),
    rerank: bool = False,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    overwrite: bool = False,
    device: str = "auto",
) -> int:
    """Search a gallery for one person: who was seen that looks the same, where and when, and whether it is that person.

    Args:
        gallery: Its folder or its URL.
        images: Images of one person, and folders of them; all of them are searched with at once.
        top: Number of answers.
        camera: Search what these cameras saw.
        since: Search from this time on, as 2026-05-31T14:30.
        until: Search up to this time.
        like: Sightings of the person, by their identifiers, as further images.
        unlike: Sightings of others: what is like them comes later.
        rerank: Order the answers by their neighbours (k-reciprocal re-ranking).
        output: Also write the answers to this file, as JSON.
        overwrite: Replace the file if it is there already.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.

    Returns:
        Exit code: 0 for a match or where it is unsure, 1 if the person is unknown.
    """
    check_at_least(1, top=top)
    check_output(output, overwrite=overwrite)
    pixels = [np.asarray(read_image(path)) for path in (images_at(images) if images else ())]
    with Gallery.open(gallery, device=device) as opened:
        result = opened.search(
            pixels,
            top=top,
            cameras=camera,
            since=read_time(since, "--since"),
            until=read_time(until, "--until"),
            like=read_ids(like),
            unlike=read_ids(unlike),
            rerank=rerank,
        )
    if output is not None:
        write_json(output, as_json(result))
    table = folding_table("", "person", "distance", "nearest sighting", "identifier", "sightings")
    for group in result.groups:
        best = group.best.sighting
        table.add_row(
            group.decision, printable(named(group)), f"{group.distance:.3g}", printable(seen(best)), str(best.id), f"{group.total:,}"
        )
    console = PlainConsole()
    console.print(table)
    console.sentence(verdict(result))
    if output is not None:
        console.sentence(f"written to {output}")
    return 1 if result.decision == "unknown" else 0


def named(group: Group) -> str:
    """Who it is, as far as anybody said."""
    if group.person is not None:
        return group.name or f"person {group.person}"
    return "nobody named" if group.track is None else f"track {group.track[1]} of {group.track[0]}"


def verdict(result: SearchResult) -> str:
    """What a search says as a whole."""
    limit = result.calibration
    if limit is None:
        return (
            f"{result.decision}, among {result.searched:,} sightings: nobody measured at which distance this model and gallery should say "
            "unknown; calibrate with rga gallery calibrate, or the model with rga calibrate"
        )
    assert result.false_alarm_rate is not None
    measured = f"{limit.false_alarm_rate:.1%} of unknown people were taken for somebody among {limit.gallery:,} sightings ({limit.data})"
    return (
        f"{result.decision}, among {result.searched:,} sightings: a match is at most {limit.match:.3g} away, where {measured}; "
        f"expect {result.false_alarm_rate:.1%} here"
    )


def as_json(result: SearchResult) -> dict[str, Any]:
    """A result as JSON can hold it."""
    found: dict[str, Any] = plain(asdict(result))
    return found


def plain(value: Any) -> Any:
    """Identifiers and times as text, in whatever holds them."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def show(
    gallery: Where,
    person: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PERSON")] = "",
    *,
    part: str = "",
    limit: int = 100,
    thumbnails: Path | None = None,
) -> None:
    """Show who is in a gallery; or where and when one person was seen.

    Args:
        gallery: Its folder or its URL.
        person: Name or identifier of a person; all people without it.
        part: Show people whose name contains this.
        limit: Number of lines, and of thumbnails.
        thumbnails: Write the person's thumbnails into this folder.
    """
    check_at_least(1, limit=limit)
    if thumbnails is not None and not person:
        raise InputError("--thumbnails writes those of one person: name the person")
    console = PlainConsole()
    with Gallery.open(gallery) as opened:
        if not person:
            table = folding_table("person", "sightings", "first", "last", "cameras", "identifier")
            people = opened.people(part, limit=limit + 1)
            for each in people[:limit]:
                times = [f"{time.astimezone():%Y-%m-%d %H:%M}" if time else "" for time in (each.first, each.last)]
                name = f"{each.name}{' (hidden)' if each.hidden else ''}"
                table.add_row(printable(name), f"{each.sightings:,}", *times, printable(", ".join(each.cameras)), str(each.id))
            console.print(table)
            if len(people) > limit:
                console.sentence(f"there are more than these {limit:,} people: raise --limit, or name a --part")
            return
        who = person_of(opened, person)
        table = folding_table("seen", "size", "sharpness", "identifier")
        sightings = opened.sightings(who, limit=limit + 1)
        for sighting in sightings[:limit]:
            table.add_row(printable(seen(sighting)), f"{sighting.width}x{sighting.height}", f"{sighting.sharpness:.0f}", str(sighting.id))
            if thumbnails is not None:
                thumbnails.mkdir(parents=True, exist_ok=True)
                (thumbnails / f"{sighting.id}.jpg").write_bytes(opened.thumbnail(sighting.id))
        console.print(table)
        if len(sightings) > limit:
            written = "" if thumbnails is None else ", also of thumbnails"
            console.sentence(f"there are more than these {limit:,} sightings{written}: raise --limit")
