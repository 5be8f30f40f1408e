"""Every command and every line of Python in the README runs."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

MAKE_TARGETS = {"make demo", "make test"}
SHORTER = {
    "rga data make-streets": "--train 4 --val 2 --test 1 --height 48 --width 96",
    "rga data make": "--identities 10 --cameras 2 --images-per-camera 2 --distractors 2 --junk 1",
    "rga train reid": "--backbone test_resnet --ids-per-batch 4 --max-steps 1 --num-workers 0",
    "rga train seg": "--backbone resnet10t --height 48 --width 64 --batch-size 2 --max-steps 1 --num-workers 0",
    "rga train cls": "--size 8 --max-steps 1",
}
"""What is added to commands that would take minutes as they are."""


def blocks(project: Path, language: str) -> list[str]:
    """The README's code blocks in a language."""
    text = (project / "README.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands(project: Path) -> list[str]:
    """The README's commands, without their comments."""
    lines = [line.split("#")[0].strip() for block in blocks(project, "sh") for line in block.splitlines()]
    return [line for line in lines if line]


def test_python_blocks_run_in_order(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, object] = {}
    for block in blocks(project, "python"):
        exec(block, scope)
    printed = capsys.readouterr().out
    assert "torch.Size([2, 1, 96, 48])" in printed
    assert scope["unplaced"] == []


def test_commands_run_as_typed(project: Path, tmp_path: Path) -> None:
    scripts = Path(sys.executable).parent
    for command in commands(project):
        words = shlex.split(command)
        if command in MAKE_TARGETS:
            # what runs the tests cannot be run by them: that the target is there is what can be checked
            assert re.search(rf"^{words[1]}:", (project / "Makefile").read_text(), flags=re.MULTILINE)
        elif words[:2] == ["pip", "install"]:
            assert (project / "pyproject.toml").is_file()
        else:
            added = next((flags.split() for start, flags in SHORTER.items() if command.startswith(start)), [])
            done = subprocess.run([str(scripts / words[0]), *words[1:], *added], cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr


def test_linked_files_are_there(project: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (project / "README.md").read_text())
    assert links
    assert [link for link in links if not (project / link).is_file()] == []
