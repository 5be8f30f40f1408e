"""The tables: for each, which variants are compared in which settings, and how many times.

``rga reproduce NAME --scale SCALE`` runs the blocks of a table that are of that scale.
"""

from __future__ import annotations

from dataclasses import dataclass

from rga.checks import nearest
from rga.errors import InputError
from rga.study.settings import SETTINGS, Scale, Setting
from rga.study.variants import ATTENDED, PLAIN, VARIANTS, Variant


@dataclass(frozen=True)
class Block:
    """Variants compared in one setting.

    Attributes:
        setting: name of the setting.
        variants: their names, in the order of the table; the plain network is among them.
        seeds: how many seeds each has.
        first: the first of them. Trials that choose a setting have other seeds than its final comparison.
    """

    setting: str
    variants: tuple[str, ...]
    seeds: int
    first: int = 0


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: on the command line.
        title: above it.
        about: what it asks, in one sentence.
        blocks: its parts.
    """

    name: str
    title: str
    about: str
    blocks: tuple[Block, ...]

    def of_scale(self, scale: Scale) -> tuple[Block, ...]:
        """The blocks of a scale.

        Raises:
            InputError: there are none.
        """
        found = tuple(block for block in self.blocks if SETTINGS[block.setting].scale == scale)
        if not found:
            known = dict.fromkeys(SETTINGS[block.setting].scale for block in self.blocks)
            raise InputError(f"the table {self.name} has no {scale} scale: choose --scale {' or '.join(known)}")
        return found


ABLATION = (
    *(PLAIN, "rga-s-no-relation", "rga-s-no-original", "rga-s", "rga-c-no-relation", "rga-c-no-original", "rga-c"),
    *("rga-parallel", "rga-cs", ATTENDED),
)
OTHERS = (
    *(PLAIN, "cbam-s", "fc-s", "non-local", "simple-non-local", "rga-s", "se", "cbam-c", "fc-c", "rga-c"),
    *("cbam-cs", "fc-parallel", ATTENDED),
)
EMBEDDINGS = (PLAIN, "rga-sc-no-embedding", "rga-sc-symmetric", ATTENDED)
BOTH = (PLAIN, ATTENDED)
REID = ("cuhk03-labeled", "cuhk03-detected", "market1501", "msmt17")
MAIN = ("cuhk03-labeled", "market1501")
"""The datasets of the paper's ablations."""


def at_learning_rates(*thousandths: int) -> tuple[str, ...]:
    """The plain network and RGA-SC at other learning rates than the setting's."""
    return tuple(f"{name}-lr-{lr}" for lr in thousandths for name in BOTH)


ALL = (
    Table(
        "tuning",
        "Choices on held-out data",
        "Which learning rate and which start of the gates are best on data that the comparisons are not measured on?",
        (
            Block("people-held-out", (PLAIN, ATTENDED, *at_learning_rates(1, 4, 8, 16)), seeds=1, first=100),
            Block("people-held-out", ("rga-sc-from-50", "rga-sc-from-80", "rga-sc-from-99"), seeds=1, first=100),
            Block("camvid-validation", (PLAIN, ATTENDED, *at_learning_rates(1, 4)), seeds=1, first=100),
            Block("cifar10-held-out", (PLAIN, ATTENDED, *at_learning_rates(100, 200)), seeds=1, first=100),
        ),
    ),
    Table(
        "ablation",
        "Spatial and channel relations",
        "What does each part of RGA add, and in which order?",
        (
            Block("people", (PLAIN, "rga-s", "rga-c", ATTENDED), 5),
            Block("people", tuple(name for name in ABLATION if name not in (PLAIN, "rga-s", "rga-c", ATTENDED)), 3),
            *(Block(setting, ABLATION, 1) for setting in MAIN),
        ),
    ),
    Table(
        "attentions",
        "Other attentions",
        "How does RGA compare with other attentions after the same stages?",
        (
            Block("people", (PLAIN, "se", "cbam-cs", "non-local", ATTENDED), 5),
            Block("people", ("simple-non-local", "fc-parallel", "eca"), 3),
            *(Block(setting, OTHERS, 1) for setting in MAIN),
        ),
    ),
    Table(
        "embeddings",
        "Embeddings of the affinity",
        "How should nodes be embedded before they are compared?",
        (
            Block("people", (PLAIN, ATTENDED), 5),
            Block("people", ("rga-sc-no-embedding", "rga-sc-symmetric"), 3),
            *(Block(setting, EMBEDDINGS, 1) for setting in MAIN),
        ),
    ),
    Table(
        "stages",
        "Stages of the backbone",
        "Which of the four stages help, and which harm?",
        (
            Block("people", (PLAIN, ATTENDED), 5),
            Block("people", tuple(f"rga-sc-not-{stage}" for stage in range(1, 5)), 3),
            *(Block(setting, (*BOTH, *(f"rga-sc-not-{stage}" for stage in range(1, 5))), 1) for setting in MAIN),
        ),
    ),
    Table(
        "datasets",
        "Datasets",
        "Does RGA-SC help on every dataset?",
        (Block("people", BOTH, 5), Block("cuhk03-part", BOTH, 5), *(Block(setting, BOTH, 3) for setting in REID)),
    ),
    Table(
        "segmentation",
        "Semantic segmentation",
        "Does RGA-SC help segmentation?",
        (
            Block("streets", BOTH, 5),
            Block("camvid", BOTH, 5),
            Block("camvid", ("rga-sc-pooled-16", "cbam-cs", "non-local"), 3),
            Block("cityscapes", BOTH, 3),
        ),
    ),
    Table(
        "classification",
        "Image classification",
        "Does RGA-SC help classification?",
        (
            Block("digits", BOTH, 5),
            Block("cifar10-small", BOTH, 5),
            *(Block(name, BOTH, 3) for name in ("cifar10", "cifar100", "imagenet")),
        ),
    ),
    Table(
        "gates",
        "Where the gates start",
        "Does the start of the gates decide?",
        (Block("people", (PLAIN, "rga-sc-from-50", "rga-sc-from-80", ATTENDED, "rga-sc-from-99"), 5),),
    ),
    Table(
        "capacity",
        "Capacity against few images",
        "Has RGA too many weights for few images?",
        (
            Block("people", BOTH, 5),
            Block("people", ("rga-sc-no-decay", "rga-sc-more-decay", "rga-sc-reduction-16", "rga-sc-reduction-32"), 3),
        ),
    ),
    Table(
        "gate-norm",
        "The batch normalisation of the gates",
        "RGA normalises the logits of its gates over the batch, one channel alone: does that help?",
        (Block("people", BOTH, 5), Block("people", ("rga-sc-no-gate-norm", "rga-sc-gate-momentum"), 3)),
    ),
    Table(
        "spectral",
        "Fewer weights over positions",
        "What is lost by weights that are sums of 8 cosines an axis, and by pooling to 8 cells, which has as many weights?",
        (Block("people", (*BOTH, "rga-sc-spectral", "rga-sc-pooled"), 5),),
    ),
    Table(
        "conditions",
        "Occlusion, clutter, misaligned boxes",
        "Does RGA help more where images are worse, in training and test?",
        tuple(Block(f"people-{what}", BOTH, 3) for what in ("occluded", "cluttered", "misaligned")),
    ),
    Table(
        "pretrained",
        "Pretrained backbones",
        "Does a pretrained backbone change what RGA adds, and does the learning rate of its weights?",
        tuple(Block(setting, BOTH, 3) for setting in ("cuhk03-short", "cuhk03-short-scratch", "cuhk03-short-lr-3", "cuhk03-short-lr-10")),
    ),
    Table(
        "strong",
        "Published recipes",
        "What does RGA add to the heads and losses of BoT, AGW, SBS, MGN, PCB, PCB with refined parts, and HPM?",
        tuple(Block(f"people-{recipe}", BOTH, 3) for recipe in ("bot", "agw", "sbs", "mgn", "pcb", "rpp", "hpm")),
    ),
    Table(
        "steps",
        "Length of the training",
        "Does the paper's start of the gates catch up in a longer training?",
        (
            Block("people", (PLAIN, "rga-sc-from-50", ATTENDED), 5),
            Block("people-x2", BOTH, 5),
            Block("people-x2", ("rga-sc-from-50",), 3),
            Block("people-x4", (PLAIN, "rga-sc-from-50", ATTENDED), 3),
        ),
    ),
    Table(
        "people",
        "Number of people",
        "Does RGA need many people to train on?",
        tuple(Block(f"people-of-{count}", (PLAIN, ATTENDED), 3) for count in (50, 150, 500, 1500)),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in ALL}
"""Name -> table."""


def get_table(name: str) -> Table:
    """The table of a name.

    Raises:
        InputError: there is none.
    """
    if name not in TABLES:
        raise InputError(f"unknown table {name!r}{nearest(name, TABLES)}")
    return TABLES[name]


def rows(block: Block) -> tuple[Setting, tuple[Variant, ...]]:
    """The setting and the variants of a block."""
    return SETTINGS[block.setting], tuple(VARIANTS[name] for name in block.variants)
