"""The splits of a dataset: folders and files that are called like them, under all usual names and in any case, and splits by a hash.

One vocabulary serves all readers. A name is only taken for a split if it says nothing else: ``Train``, ``validation``, ``train2017`` and
``test_set`` are splits, ``freight_train`` is not. What is not clear is refused, and never taken for classes or left out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from rga.datasets.layout import DataError
from rga.errors import InputError
from rga.images.defects import examples
from rga.images.listing import composed, folders_in, image_names

Split = Literal["train", "val", "test"]

SPLITS: tuple[Split, ...] = ("train", "val", "test")
"""The splits in the order of every report."""

PURPOSES: Mapping[str, str] = {"train": "to train on", "val": "to choose the best model by", "test": "to test on"}
"""What the images of each split are for, in words."""

Vocabulary = Mapping[str, frozenset[str]]
"""What something is called -> the words for it, in lower case."""

WORDS: Vocabulary = {
    "train": frozenset(("train", "training", "trn", "trainval")),
    "val": frozenset(("val", "valid", "validation", "validate", "dev", "eval", "evaluation")),
    "test": frozenset(("test", "testing", "tests", "tst")),
}
"""The words for the splits."""

FILLERS = frozenset(
    ("set", "sets", "data", "dataset", "split", "images", "image", "imgs", "img", "folder", "folders", "files", "dir", "the")
)
"""Words beside a split's that say nothing else; so do numbers."""

NO_SPLITS = "splits=no"
"""The option of readers by which folders are not taken for splits, whatever they are called."""


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case and without numbers; ``TrainSet`` and ``trainset`` are two words.

    Example:
        >>> words_of("Train_set2"), words_of("valSet"), words_of("testdata"), words_of("img_dir")
        (['train', 'set'], ['val', 'set'], ['test', 'data'], ['img', 'dir'])
    """
    words = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold())
    known = frozenset().union(*WORDS.values())
    found = []
    for word in words:
        stem = next((stem for filler in ("set", "data", "images", "split") if (stem := word.removesuffix(filler)) in known), None)
        found += [word] if stem is None or word in known or stem == word else [stem, word[len(stem) :]]
    return found


def name_of(name: str, vocabulary: Vocabulary = WORDS, fillers: frozenset[str] = FILLERS) -> str | None:
    """What a folder or file of this name is called in a vocabulary; None if the name says something else, too, or several.

    Example:
        >>> [name_of(name) for name in ("Training", "val2017", "test_set", "freight_train", "train_test", "trainval")]
        ['train', 'val', 'test', None, None, 'train']
    """
    said, rest = mentioned(name, vocabulary, fillers)
    return said[0] if len(said) == 1 and not rest else None


def mentioned(name: str, vocabulary: Vocabulary = WORDS, fillers: frozenset[str] = FILLERS) -> tuple[list[str], tuple[str, ...]]:
    """All that a name says in a vocabulary, and its other words.

    Example:
        >>> mentioned("seg_train"), mentioned("train+val")
        ((['train'], ('seg',)), (['train', 'val'], ()))
    """
    said: list[str] = []
    rest: list[str] = []
    for word in words_of(name):
        meant = next((key for key, words in vocabulary.items() if word in words), None)
        if meant is not None and meant not in said:
            said.append(meant)
        elif meant is None and word not in fillers:
            rest.append(word)
    return said, tuple(rest)


def called(paths: Iterable[Path], vocabulary: Vocabulary = WORDS, fillers: frozenset[str] = FILLERS) -> dict[str, Path]:
    """Those of some folders or files that are called by a vocabulary, without their endings, in the vocabulary's order.

    Raises:
        DataError: two are called the same, such as ``val`` and ``Validation``.
    """
    found: dict[str, list[Path]] = {key: [] for key in vocabulary}
    for path in sorted(paths):
        meant = name_of(path.name if path.is_dir() else path.stem, vocabulary, fillers)
        if meant is not None:
            found[meant].append(path)
    for key, same in found.items():
        if len(same) > 1:
            named = " and ".join(path.name for path in same)
            raise DataError(f"{same[0].parent} has {len(same)} called like {key}: {named}; leave one there, or put all into one")
    return {key: same[0] for key, same in found.items() if same}


def split_folders(folder: Path, what: str, vocabulary: Vocabulary = WORDS) -> dict[str, Path]:
    """The splits in a folder by its subfolders' names; empty if it has none.

    Args:
        folder: to look into.
        what: the other folders are, such as "classes", for errors.
        vocabulary: of the splits.

    Returns:
        Name of the split in the vocabulary -> its folder.

    Raises:
        DataError: two folders are called like one split; there are other images beside the splits; names mention splits beside the
            same other words (``seg_train``, ``seg_test``); or splits lie within the other folders (``cat/train``).
    """
    folders = folders_in(folder)
    found = called(folders, vocabulary)
    if not found:
        refuse_unclear(folder, folders, what, vocabulary)
        refuse_inner(folder, what, vocabulary)
        return {}
    beside = [path.name for path in folders if path not in found.values() and image_names(path)] + image_names(folder, deep=False)
    if beside:
        named = " and ".join(path.name for path in found.values())
        raise DataError(
            f"{folder} has {named}, called like {'splits' if len(found) > 1 else 'a split'} of a dataset, and other images beside: "
            f"{examples(beside)}. Move these into a split or elsewhere; if all are {what} and none is a split, add the option {NO_SPLITS}"
        )
    return found


def refuse_unclear(folder: Path, folders: Sequence[Path], what: str, vocabulary: Vocabulary = WORDS) -> None:
    """Raises a DataError if the names of folders differ in the splits alone that they mention, beside other words."""
    mentions: dict[tuple[str, ...], dict[str, str]] = {}
    for path in folders:
        said, rest = mentioned(path.name, vocabulary)
        for each in said:
            mentions.setdefault(rest, {}).setdefault(each, path.name)
    for names in mentions.values():
        if len(names) > 1:
            raise DataError(
                f"{folder} has {' and '.join(dict.fromkeys(names.values()))}: call splits {', '.join(vocabulary)} and nothing else; if "
                f"these are {what}, add the option {NO_SPLITS}"
            )


def refuse_inner(folder: Path, what: str, vocabulary: Vocabulary = WORDS) -> None:
    """Raises a DataError if images lie in folders called like splits that are not the first below a folder: they would be mixed."""
    holding = {tuple(name.split("/")[:-1]) for name in image_names(folder)}
    inner = {"/".join(parts[: depth + 1]) for parts in holding for depth, part in enumerate(parts) if depth and name_of(part, vocabulary)}
    if inner:
        raise DataError(
            f"{folder} has folders called like splits within its {what}: {examples(sorted(inner))}. Put the splits first, as "
            f"{next(iter(vocabulary))}/{min(inner).split('/')[0]}; if they are no splits, add the option {NO_SPLITS}"
        )


def inner_home(folder: Path) -> Path:
    """The folder that holds the splits: itself, or its only folder where that does, such as ``ROOT/images/training``."""
    folders = folders_in(folder)
    if len(folders) == 1 and name_of(folders[0].name) is None and any(name_of(path.name) for path in folders_in(folders[0])):
        return folders[0]
    return folder


def hash_rank(name: str, seed: int) -> float:
    """A number in [0, 1) by a name and a seed, on every machine and system the same.

    Example:
        >>> round(hash_rank("cat/0001", 0), 4) == round(hash_rank("cat/0001", 0), 4) != round(hash_rank("cat/0001", 1), 4)
        True
    """
    digest = hashlib.sha256(f"{seed}:{composed(name)}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def split_by_hash(names: Sequence[str], shares: Mapping[str, float], seed: int) -> list[str]:
    """Splits samples by a hash of their names: one more or one less moves no other.

    Each name has its place by itself. So the parts have about their shares of the samples, not exactly. Only where a part would have no
    sample at all, the nearest one of another part stands in; it goes back when others come.

    Args:
        names: of the samples, all different or not; the same name has the same part.
        shares: name of a part -> its share, for all parts but the train part, which has the rest. A share of 0 leaves a part out.
        seed: another seed is another split.

    Returns:
        The part of each sample.

    Raises:
        InputError: a share is out of [0, 1), or they leave nothing to train on.
        DataError: there are fewer samples than parts.

    Example:
        >>> before = split_by_hash(["a", "b", "c", "d", "e", "f", "g"], {"val": 0.3}, seed=0)
        >>> split_by_hash(["a", "b", "c", "d", "e", "f", "g", "h"], {"val": 0.3}, seed=0)[:7] == before
        True
    """
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise InputError(f"the share of {name} must be at least 0 and less than 1, got {share}")
    if sum(shares.values()) >= 1:
        raise InputError(f"the shares of {' and '.join(shares)} are {sum(shares.values()):g} together: leave something to train on")
    wanted = {name: share for name, share in shares.items() if share}
    if len(names) <= len(wanted):
        raise DataError(f"{len(names)} cannot be split into {', '.join(('train', *wanted))}")
    ranks = [hash_rank(name, seed) for name in names]
    bounds: dict[str, tuple[float, float]] = {}
    low = 0.0
    for name, share in wanted.items():
        bounds[name] = (low, low := low + share)
    bounds["train"] = (low, 1.0)
    parts = [next(name for name, (start, end) in bounds.items() if start <= rank < end) for rank in ranks]
    for name, (start, end) in bounds.items():
        if name not in parts:  # the nearest of those that leave another one behind
            spare = [index for index, part in enumerate(parts) if parts.count(part) > 1]
            parts[min(spare, key=lambda index: (max(start - ranks[index], ranks[index] - end), index))] = name
    return parts
