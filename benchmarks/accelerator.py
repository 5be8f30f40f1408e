"""What a GPU has to tell about the attention and its trainings, in one command of some 8 minutes.

    python benchmarks/accelerator.py                      # all parts on the GPU
    python benchmarks/accelerator.py modules networks     # some of them
    python benchmarks/accelerator.py --dry-run            # what would be done, and how long each part may take
    python benchmarks/accelerator.py --toy --device cpu   # tiny sizes anywhere: that it works, no more

It checks before it times. Each part runs in a process of its own, with its own limit of time; what a part has found stays when it fails or
is stopped. Times are medians by device events over rounds in which the candidates take turns, after a warm-up.

For a machine without a network, with Python 3.12, PyTorch, torchvision, timm, numpy, safetensors and huggingface-hub:

    python benchmarks/bundle.py --only-wheels -o runs/bundle                       # here: the other packages
    bash runs/bundle/with-wheels.sh python3 benchmarks/accelerator.py -o runs/gpu  # there
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
from accelerators.correct import correct
from accelerators.modules import modules
from accelerators.networks import compiled, graphed, networks
from accelerators.part import Machine, Report
from accelerators.trainings import group, resuming


@dataclass(frozen=True)
class Part:
    """A part.

    Attributes:
        run: does it.
        about: what it does.
        seconds: after which it is stopped.
    """

    run: Callable[[Machine, Report], None]
    about: str
    seconds: int


PARTS = {
    "correct": Part(correct, "the reference's tensors, and the logits of the gates, in float32, TF32, bfloat16 and float16", 90),
    "modules": Part(modules, "RGA-SC dense, exact and spectral at three sizes: ms, memory, kernels", 90),
    "networks": Part(networks, "ResNet-50 plain and with RGA-SC: inference, the whole step, the input; float32, TF32, bfloat16", 120),
    "graphs": Part(graphed, "ResNet-50 plain and with RGA-SC, whose training passes are CUDA graphs", 90),
    "group": Part(group, "a training in one process of nccl", 90),
    "resume": Part(resuming, "a training that is stopped and continued", 90),
    "compiled": Part(compiled, "ResNet-50 plain and with RGA-SC, compiled, in bfloat16", 400),
}


def run_part(name: str, device: str, toy: bool, path: Path) -> None:
    """Does one part, in this process."""
    with tempfile.TemporaryDirectory() as scratch:
        PARTS[name].run(Machine(torch.device(device), toy, Path(scratch)), Report(path))


def run_in_process(name: str, device: str, toy: bool, folder: Path, seconds: float) -> tuple[Report, str]:
    """Does one part in a process of its own: what it found, and why it did not end, or nothing."""
    path = folder / f"{name}.json"
    path.unlink(missing_ok=True)
    command = [sys.executable, str(Path(__file__).resolve()), name, "--device", device, "--write", str(path), *(["--toy"] * toy)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace")
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return Report.read(path), f"stopped after {seconds:.0f} s"
    (folder / f"{name}.err").write_text(errors, encoding="utf-8")
    last = [line for line in errors.splitlines() if line.strip()][-1:]
    return Report.read(path), "" if not process.returncode else f"exit code {process.returncode}: {' '.join(last)}"


def machine_line(device: str) -> str:
    """The card, and the versions."""
    card = torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.processor() or platform.machine()
    return f"{card}, torch {torch.__version__}, CUDA {torch.version.cuda}, {os.cpu_count()} cores"


def main(arguments: Sequence[str]) -> int:
    """Reads the command line; 1 where a check does not hold or a part did not end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[], help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--toy", action="store_true", help="tiny sizes, whose numbers mean nothing")
    parser.add_argument("--dry-run", action="store_true", help="list the parts and their limits, and do nothing")
    parser.add_argument("--minutes", type=float, default=10, help="in all")
    parser.add_argument(
        "--output", "-o", type=Path, default=Path("runs/accelerator"), help="folder for accelerator.md and accelerator.json"
    )
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    names = chosen.parts or list(PARTS)
    if chosen.write is not None:
        run_part(names[0], chosen.device, chosen.toy, chosen.write)
        return 0
    if chosen.dry_run:
        for name in names:
            print(f"{name:10}at most {PARTS[name].seconds:4} s  {PARTS[name].about}")
        together = min(60 * chosen.minutes, sum(PARTS[name].seconds for name in names))
        print(f"together at most {together:.0f} s, on {machine_line(chosen.device)}")
        return 0
    return run_all(names, chosen.device, chosen.toy, chosen.output, chosen.minutes)


def run_all(names: Sequence[str], device: str, toy: bool, output: Path, minutes: float) -> int:
    """Does parts one after the other, and writes what they found as Markdown and JSON after each."""
    output.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * minutes
    head = machine_line(device)
    print(head, flush=True)
    sections, found, wrong = [f"# {head}"], {}, []
    for name in names:
        print(f"{name}: {PARTS[name].about}", flush=True)
        start = time.monotonic()
        report, reason = run_in_process(name, device, toy, output, min(PARTS[name].seconds, max(1.0, end - start)))
        spent = time.monotonic() - start
        failures = [*report.failures, *([f"{name} did not end: {reason}"] if reason else [])]
        wrong += failures
        sections += [f"## {name}, {spent:.0f} s", *(table.to_markdown() for table in report.tables), *(f"**{each}**" for each in failures)]
        found[name] = {"seconds": round(spent, 1), "tables": [vars(table) for table in report.tables], "failures": failures}
        (output / "accelerator.md").write_text("\n\n".join(sections) + "\n", encoding="utf-8")
        (output / "accelerator.json").write_text(json.dumps({"machine": head, "parts": found}, indent=1), encoding="utf-8")
    print("\n".join(wrong) if wrong else "all checks hold", flush=True)
    print(f"the tables are in {output / 'accelerator.md'}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
