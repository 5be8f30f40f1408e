"""``rga reproduce TABLE``: runs the paper's tables and our own, at the scale of a few minutes, of a laptop or of the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from rga.datasets.spec import DataSpec
from rga.storage.files import write_atomically
from rga.study.evidence import Evidence
from rga.study.reproduce import Study, blocks_of, reproduce
from rga.study.results.columns import cells, markdown_table, terminal_table
from rga.study.results.comparison import compare
from rga.study.results.statistics import check_statistics
from rga.study.tables import TABLES, get_table
from rga.terminal import PlainConsole
from rga.training.recipe import Tf32


def main(
    tables: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="TABLE")] = (),
    *,
    scale: Literal["minutes", "laptop", "full"] = "minutes",
    data: Annotated[tuple[DataSpec, ...], tyro.conf.UseAppendAction] = (),
    seeds: int = 0,
    variants: tuple[str, ...] = (),
    at_once: int = 0,
    minutes: float = 0,
    device: str = "auto",
    threads: int = 1,
    tf32: Tf32 = "convolutions",
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/reproduce"),
    evidence: Path = Path("evidence"),
) -> int:
    """Run or continue the trainings of a table, and print the table with what is recorded.

    Trainings that are recorded are not run again; those that were stopped continue. Without a table, all tables are listed.

    Args:
        tables: Names of tables; rga reproduce without any lists them.
        scale: minutes for generated data on a CPU, laptop for small real datasets, full for the paper's recipe on a GPU.
        data: A dataset as NAME:FOLDER; give the flag once for each dataset. Generated data need no name.
        seeds: Seeds of each variant; 0 for as many as the table has.
        variants: Run these variants alone.
        at_once: Trainings side by side; 0 for one a core, at most two.
        minutes: Stop after so many minutes, to be continued by the next call; 0 for no end.
        device: Where to compute: auto, cpu, cuda; several GPUs in turn as cuda:0,cuda:1.
        threads: CPU threads of each training.
        tf32: Products that an NVIDIA GPU may compute in TF32; none for the precision of a CPU.
        output: Folder for generated data and runs. It can be copied to another machine and continued there.
        evidence: Folder with a line of JSON for each finished run.
    """
    console = PlainConsole()
    if not tables:
        for table in TABLES.values():
            console.print(f"{table.name:16}{table.about}", soft_wrap=True)
        return 0
    check_statistics()
    study = Study(blocks_of(tables, scale), output, evidence, data, seeds, variants, device, threads, tf32)
    together = reproduce(study, at_once=at_once, minutes=minutes, console=console)
    for name in dict.fromkeys(tables):
        report(name, study, console)
    if together.left or together.out_of_time or together.signal:
        console.print("some runs are missing: the same command continues them")
    return together.exit_code


def report(name: str, study: Study, console: PlainConsole) -> None:
    """Prints what is recorded of a table, and writes it beside the runs."""
    runs = Evidence(study.evidence).of(study.trials())
    settings = {block.setting for block in study.blocks}
    found = [each for each in compare(get_table(name).blocks, runs) if each.setting.name in settings and each.runs]
    for comparison in found:
        console.print(terminal_table(comparison))
    if found:
        text = "\n\n".join(f"{each.setting.title}\n\n{markdown_table(*cells(each))}" for each in found)
        path = study.output / f"{name}.md"
        write_atomically(path, lambda temporary: temporary.write_text(f"{text}\n", encoding="utf-8"))
        console.sentence(f"the table is in {path}")
