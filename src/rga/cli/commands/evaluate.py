"""``rga evaluate MODEL``: measures a saved model on a dataset. The flags depend on the task of the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import tyro

from rga.cli.parsing import grouped, parse
from rga.datasets.spec import DataSpec
from rga.errors import InputError

USAGE = """usage: rga evaluate MODEL [--data NAME:FOLDER] [flags]

Measure a saved model. MODEL is the folder of a run or of a saved model, the name of one that ships with rga, or of one on the Hugging
Face hub.
By default it is evaluated on the data that it was trained with. The flags depend on the task of the model:
"""


def main(words: Sequence[str]) -> int:
    """Evaluates the model that the words name.

    Raises:
        InputError: no model is named.
    """
    from rga.tasks import TASKS  # noqa: PLC0415

    if not words or words[0] in ("-h", "--help"):
        print(USAGE)
        for task in TASKS if words else ():
            try:
                parse(command("MODEL", task), ["--help"], prog=f"rga evaluate MODEL  ({task})")
            except SystemExit:  # tyro leaves after each help
                print()
        return 0 if words else 2
    if words[0].startswith("-"):
        raise InputError(f"name the model first: rga evaluate MODEL {' '.join(words)}")
    from rga.loading import task_of  # noqa: PLC0415  PyTorch, which help does not need

    return parse(command(words[0], task_of(words[0])), words[1:], prog=f"rga evaluate {words[0]}")


def command(model: str, task: str) -> Callable[..., int]:
    """The command line of an evaluation: a function whose parameters are the flags of the model's task."""
    from rga.tasks import get_task  # noqa: PLC0415

    kind: type[Any] = get_task(task).options
    default = kind()

    def evaluate(
        data: DataSpec | None = None,
        *,
        options: Any = default,
        output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
        report: Path | None = None,
        batch_size: int = 128,
        num_workers: int = 2,
        device: str = "auto",
    ) -> int:
        from rga.cli.printing import print_evaluation, written  # noqa: PLC0415
        from rga.cli.progress import progress  # noqa: PLC0415
        from rga.evaluations import Measured  # noqa: PLC0415
        from rga.evaluations import evaluate as measure  # noqa: PLC0415
        from rga.terminal import PlainConsole  # noqa: PLC0415

        chosen = {field.name: getattr(options, field.name) for field in fields(options)}
        console = PlainConsole()
        found: list[Measured] = []
        try:
            with progress("evaluating") as bar:
                measured = measure(
                    model,
                    data,
                    output=output,
                    folder=Path(model) if Path(model).is_dir() else None,
                    report=report,
                    batch_size=batch_size,
                    num_workers=num_workers,
                    device=device,
                    progress=bar,
                    on_result=found.append,
                    **chosen,
                )
        finally:  # also if the results or the report could not be written
            for each in found:
                print_evaluation(console, each)
        written(console, measured)
        return 0

    evaluate.__annotations__["options"] = grouped(kind)
    evaluate.__doc__ = """Measure a saved model on a dataset.

    Args:
        data: The dataset, as NAME:FOLDER?option=value; by default the one that the model was trained with.
        options: Options of the task.
        output: File for the results; by default evaluation-DATA.json in the model's folder, or evaluation-DATA-2.json and so on if that
            holds other results. A file is overwritten only if it holds results of the same data, options and weights.
        report: Folder for report.html and report.json (re-ID only): curves, distances of pairs, cameras, worst queries.
        batch_size: Images at a time.
        num_workers: Processes that read images.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    return evaluate
