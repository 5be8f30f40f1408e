"""What lies at a path that a user named, in words for errors: told from the first bytes of a file, not from its name."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

TORCH, SAFETENSORS, PICKLE = "a PyTorch file", "a safetensors file", "a pickle that torch.save did not write"
TORCHSCRIPT, ZIP, ONNX = "a TorchScript program", "a zip archive", "an ONNX file"
EMPTY, OTHER = "an empty file", "a file of an unknown kind"

LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"
"""The first bytes of files that PyTorch wrote before 1.6, which are no zip archives: a pickle of its magic number."""

BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a pointer of Git LFS, whose file was not fetched (git lfs pull)"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML file"),
    (b"\x89hdf\r\n", "an HDF5 file"),
    (b"gguf", "a GGUF file"),
    (b"\x89png", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x93numpy", "a NumPy array"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"%pdf", "a PDF"),
    (b"{", "a JSON file"),
)
"""The first bytes of a file in lower case -> what it is."""

WEIGHTS_SUFFIXES = (".pth", ".pt", ".ckpt", ".safetensors", ".bin", ".tar", ".th", ".pkl", ".onnx", ".h5")
"""How the names of files of weights end, in the toolkits of the field."""

SHOWN = 6
"""How many names an error lists."""


def file_kind(path: Path) -> str:
    """What a file is.

    Raises:
        OSError: it cannot be read.

    Example:
        >>> import tempfile, torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save({}, Path(folder) / "weights")
        ...     file_kind(Path(folder) / "weights")
        'a PyTorch file'
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"PK"):
        return zip_kind(path)
    if head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= size - 8:  # the length of the header, and the header
        return SAFETENSORS
    for beginning, kind in BEGINNINGS:
        if head.lstrip().lower().startswith(beginning):
            return kind
    if path.suffix.lower() == ".onnx" or (head[:1] == b"\x08" and head[2:3] == b"\x12"):  # the fields ir_version and producer_name
        return ONNX if head else EMPTY
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":  # the opcode PROTO and the protocol
        return TORCH if head.startswith(LEGACY) else PICKLE
    return OTHER if head else EMPTY


def zip_kind(path: Path) -> str:
    """What a file is that begins as zip archives do: PyTorch's files are such archives."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return "a zip archive or PyTorch file that is cut short"
    if any(name.endswith("constants.pkl") for name in names) and any("/code/" in name for name in names):
        return TORCHSCRIPT
    return TORCH if any(name.endswith("data.pkl") for name in names) else ZIP


def folder_contents(folder: Path) -> str:
    """The names of what is in a folder, hidden files left out, the first few of them; to stand after "it holds"."""
    names = sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir() if not path.name.startswith("."))
    if not names:
        return "nothing"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def weights_in(folder: Path) -> list[Path]:
    """The files of a folder whose names end as files of weights do."""
    return sorted(path for path in folder.iterdir() if path.is_file() and path.name.lower().endswith(WEIGHTS_SUFFIXES))


def neighbours(path: Path) -> str:
    """For a path that is not there: how far it exists, what is there, and the nearest name; the end of an error, or nothing."""
    if path.is_symlink():
        return f": it is a link to {path.readlink()}, which is not there"
    there = next((parent for parent in path.parents if exists(parent)), Path())
    missing = path.relative_to(there).parts[0] if there != Path() or not path.is_absolute() else path.name
    where = "the current folder" if there == Path() else str(there)
    if there.is_file():
        return f": {there} is a file, not a folder"
    names: list[str] = []
    with suppress(OSError):
        names = sorted(each.name for each in there.iterdir() if not each.name.startswith("."))
    close = get_close_matches(missing, names, n=1)
    if close:
        return f": did you mean {there / close[0]}?"
    if there == Path() or not names:
        return f": there is no {missing} in {where}"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f": {where} holds {', '.join(names[:SHOWN])}{more}"


def exists(path: Path) -> bool:
    """Whether something is at a path; not where the path cannot be one, being too long or not readable."""
    try:
        return path.exists()
    except OSError:
        return False
