"""The command line's entrance: a table of verbs, of which the one that was typed is imported.

A verb is one or two words and a typed function, whose parameters become its flags. Help and mistyped verbs are answered from the table
alone, so that they do not wait for PyTorch.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from itertools import takewhile

import rga

VERBS: dict[str, tuple[str, str]] = {
    "demo": ("rga.cli.demo:demo", "the whole way in minutes: people generated, networks trained, a report written"),
    "demo segmentation": ("rga.cli.demo_segmentation:demo_segmentation", "the same for segmentation, on street scenes"),
    "gates": ("rga.cli.gates:gates", "draw the attention at work on a generated image"),
    "cost": ("rga.cli.costs:costs", "parameters and multiply-accumulates of a network, plain and with attention"),
    "train reid-market1501": ("rga.cli.train:reid_market1501", "the paper's re-ID recipe on Market-1501"),
    "train reid-cuhk03": ("rga.cli.train:reid_cuhk03", "the same on CUHK03, new protocol"),
    "train reid-msmt17": ("rga.cli.train:reid_msmt17", "the same on MSMT17"),
    "train reid-folder": ("rga.cli.train:reid_folder", "re-ID on your own images, a folder for each identity"),
    "train reid-small": ("rga.cli.train:reid_small", "re-ID with a few hundred people and no GPU"),
    "train reid-generated": ("rga.cli.train:reid_generated", "re-ID on generated people, for a CPU"),
    "train seg-cityscapes": ("rga.cli.train:seg_cityscapes", "segmentation of Cityscapes, with the field's settings"),
    "train seg-camvid": ("rga.cli.train:seg_camvid", "the same of CamVid at half size, for a CPU"),
    "train seg-folder": ("rga.cli.train:seg_folder", "the same of your own images and masks"),
    "train seg-generated": ("rga.cli.train:seg_generated", "the same of generated street scenes, for a CPU"),
    "train cls-digits": ("rga.cli.train:cls_digits", "classification of handwritten digits, without a download, for a CPU"),
    "train cls-cifar10": ("rga.cli.train:cls_cifar10", "classification of CIFAR-10"),
    "train cls-cifar100": ("rga.cli.train:cls_cifar100", "the same of CIFAR-100"),
    "train cls-imagenet": ("rga.cli.train:cls_imagenet", "the same of ImageNet-1k"),
    "train cls-folder": ("rga.cli.train:cls_folder", "the same of your own images, a folder for each class"),
    "evaluate": ("rga.cli.evaluate:evaluate", "a saved model on a dataset's query and gallery"),
    "evaluate-segmentation": ("rga.cli.evaluate_segmentation:evaluate_segmentation", "a saved segmentation model on a dataset"),
    "segment": ("rga.cli.segment:segment", "label maps, overlays and confidence for images"),
    "evaluate-classification": ("rga.cli.evaluate_classification:evaluate_classification", "a saved classifier on a dataset"),
    "classify": ("rga.cli.classify:classify", "what images show, with probabilities"),
    "embed": ("rga.cli.embed:embed", "the features of a folder of images"),
    "data make": ("rga.cli.data:make", "render generated people in the layout of Market-1501"),
    "data make-streets": ("rga.cli.data:make_streets", "paint generated street scenes in the layout of Cityscapes"),
    "data check": ("rga.cli.data:check", "check a dataset before it is trained on"),
}
"""Every verb: the module and the function that do it (the exit code is what it returns, 0 for None), and what it is for."""

HELP = {"-h", "--help"}
MISTAKE = 2
"""The exit code for what the user can fix."""
INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""
UNREAD = 141
"""The exit code when the output's reader went away, as shells have it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the verb that was typed; what the user can fix is said in one line, with exit code 2.

    Args:
        arguments: what was typed after ``rga``; by default of this process.
    """
    try:
        code = answer(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except KeyboardInterrupt:
        print("rga: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, OSError) as error:
        print(f"rga: {error}", file=sys.stderr)
        return MISTAKE
    except ModuleNotFoundError as error:
        print(f"rga: this needs {error.name}, which is not installed: pip install 'rga[all]'", file=sys.stderr)
        return MISTAKE
    return code


def answer(words: Sequence[str]) -> int:
    """Runs the verb that the words begin with, or helps to find one."""
    for verb in sorted(VERBS, key=len, reverse=True):  # "demo segmentation" before "demo"
        typed = verb.split()
        if words[: len(typed)] == typed:
            return run(verb, words[len(typed) :])
    if words == ["--version"]:
        print(f"rga {rga.__version__}")
        return 0
    if words and words[-1] in HELP:
        print(overview(words[:-1]))
        return 0
    print(overview(words), file=sys.stderr)
    return MISTAKE


def run(verb: str, arguments: Sequence[str]) -> int:
    """Imports a verb's function and calls it with the flags that were typed."""
    import tyro  # noqa: PLC0415  for a verb alone

    module, name = VERBS[verb][0].split(":")
    function: Callable[..., int | None] = getattr(importlib.import_module(module), name)
    if hasattr(function, "given"):  # what was typed decides what counts where nothing was: going on with a run
        function = function.given(arguments)
    return tyro.cli(function, prog=f"rga {verb}", args=arguments) or 0


def overview(words: Sequence[str]) -> str:
    """The help: the verbs that begin with the words that were typed; all of them for none.

    Raises:
        ValueError: there is no such verb.

    Example:
        >>> print(overview(["gates"]))
        usage: rga VERB [FLAGS], and rga VERB --help for its flags
        <BLANKLINE>
          gates                    draw the attention at work on a generated image
    """
    verbs = [verb for verb in VERBS if verb.split()[: len(words)] == list(words)]
    if not verbs:
        typed = " ".join(takewhile(lambda word: not word.startswith("-"), words)) or words[0]
        raise ValueError(f"unknown verb {typed!r}: choose one of {', '.join(VERBS)}")
    width = max(map(len, VERBS)) + 4
    lines = [f"  {verb:{width}}{VERBS[verb][1]}" for verb in verbs]
    return "\n".join(["usage: rga VERB [FLAGS], and rga VERB --help for its flags", "", *lines])


if __name__ == "__main__":
    sys.exit(main())
