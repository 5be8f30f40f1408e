"""Images of any mode, depth, size, orientation, format and damage: read as a viewer shows them, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from fuzz.names import odd_names
from fuzz.outcome import Draw, FaultError, Outcome, Refused, attempt, must_work, refused, right
from fuzz.pixels import FORMATS, SHADES, Pixels, apart, as_viewed, make_image, save, turned
from fuzz.small_models import classifier, embedder, segmenter
from rga.images.decoding import read_pixels
from rga.images.defects import decoding_error
from rga.images.images import read_image
from rga.images.inputs import as_image
from rga.images.named import images_at

DAMAGES = ("cut", "changed", "longer", "empty", "text", "zeros")
ROUTES = ("file", "file", "file", "training", "opened", "array", "defects", "listed", "embed", "classify", "segment")


def image_case(draw: Draw, folder: Path) -> Outcome:
    """An image file, whole in two of three cases, read in one of the ways that the package has."""
    kind = draw(st.sampled_from(sorted(FORMATS)))
    mode = draw(st.sampled_from(FORMATS[kind].modes))
    size = (draw(st.integers(1, 24)), draw(st.integers(1, 24)))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = make_image(mode, size, generator, transparent=draw(st.booleans()))
    orientation = draw(st.one_of(st.none(), st.integers(1, 8), st.sampled_from([0, 9, 255]))) if FORMATS[kind].exif else None
    kinds = (kind, kind, kind, kind, kind, draw(st.sampled_from(sorted(FORMATS))))
    suffix = draw(st.sampled_from(FORMATS[draw(st.sampled_from(kinds))].suffixes))  # some files are called like another format
    path = folder / f"{draw(st.one_of(st.just('image'), odd_names()))}{suffix}"
    save(image, path, kind, orientation, lossless=draw(st.booleans()))
    damage = draw(st.sampled_from([None] * 8 + list(DAMAGES)))
    if damage is not None:
        path.write_bytes(damaged(path.read_bytes(), damage, draw))
    route = draw(st.sampled_from(ROUTES))
    wanted = as_viewed(path)
    if damage is None and wanted is None:
        raise FaultError(f"the oracle cannot read a whole {kind} of mode {mode}")
    return examine(path, wanted, route, SHADES.get(mode, 1), whole=damage is None)


def damaged(contents: bytes, how: str, draw: Draw) -> bytes:
    """The bytes of a file with some damage."""
    if how == "cut":
        return contents[: draw(st.integers(0, max(0, len(contents) - 1)))]
    if how == "changed":
        at = draw(st.integers(0, len(contents) - 1))
        return contents[:at] + bytes([contents[at] ^ draw(st.integers(1, 255))]) + contents[at + 1 :]
    return {"longer": contents + b"\0more", "empty": b"", "text": b"not found\n", "zeros": bytes(len(contents))}[how]


def examine(path: Path, wanted: Pixels | None, route: str, tolerance: int, *, whole: bool) -> Outcome:
    """Reads a file by a route and compares; for other routes than the plain one with what that one reads."""
    read = attempt(read_image, path)
    if whole:
        must_work(read, f"a whole image ({path.suffix})")
    if isinstance(read, Refused):
        return refuse_everywhere(path, route)
    pixels = np.asarray(read)
    if wanted is None:
        raise FaultError(f"read_image read what Pillow cannot decode, {read.size}")
    if pixels.shape != wanted.shape or apart(pixels, wanted) > tolerance:
        raise FaultError(
            f"read_image: {pixels.shape} is not {wanted.shape} as viewed, {apart(pixels, wanted)} apart; {corner(pixels, wanted)}"
        )
    plain = path.with_name("plain-form.png")
    Image.fromarray(pixels).save(plain)
    return routed(path, plain, pixels, route)


def routed(path: Path, plain: Path, pixels: Pixels, route: str) -> Outcome:
    """The same file by another way."""
    if route == "training":
        same(np.asarray(must_work(attempt(read_pixels, path), "read_pixels")), pixels, route)
    elif route == "opened":
        with Image.open(path) as opened:
            same(np.asarray(must_work(attempt(as_image, opened), "as_image of an opened file")), pixels, route)
    elif route == "array":
        same(np.asarray(must_work(attempt(as_image, pixels[:, ::-1]), "as_image of an array")), pixels[:, ::-1], route)
    elif route == "defects" and decoding_error(path) is not None:
        raise FaultError(f"data check takes {path.name} for damaged: {decoding_error(path)}")
    elif route == "listed" and images_at([path.parent]) != sorted([path, plain]):
        raise FaultError(f"{images_at([path.parent])} is not what lies in the folder")
    elif route in ("embed", "classify", "segment"):
        answer, again = answers(path, route), answers(plain, route)
        same(answer, again, route)
    return right(f"as viewed: {route}")


def answers(image: Path, route: str) -> NDArray[np.float32]:
    """What a model says about an image."""
    if route == "embed":
        return embedder().embed([image])
    if route == "classify":
        return classifier().probabilities([image])
    return segmenter().segment([image])[0].confidence


def refuse_everywhere(path: Path, route: str) -> Outcome:
    """A damaged image is damaged by all ways."""
    if not isinstance(attempt(read_pixels, path), Refused):
        raise FaultError("read_pixels reads what read_image refuses")
    if route == "defects" and decoding_error(path) is None:
        raise FaultError("data check takes an image for whole that read_image refuses")
    if route in ("embed", "classify", "segment") and not isinstance(attempt(answers, path, route), Refused):
        raise FaultError(f"{route} answers about an image that read_image refuses")
    return refused("a damaged image")


def same(found: NDArray[np.generic], wanted: NDArray[np.generic], what: str) -> None:
    """Raises a FaultError unless two arrays are equal."""
    if found.shape != wanted.shape or not np.array_equal(found, wanted):
        raise FaultError(f"{what}: {found.shape} {found.ravel()[:4]} is not {wanted.shape} {wanted.ravel()[:4]}")


def corner(found: Pixels, wanted: Pixels) -> str:
    """The first pixel of both."""
    return f"first pixels {found[0, 0].tolist()} and {wanted[0, 0].tolist()}; turned: {turned(found, wanted)}"
