"""The README and the pages below ``docs/``: their commands and their Python run, and what they name exists.

Commands with a placeholder (DIR, RUN, ...) need data or a model of the reader's: they are parsed, flag by flag, and not run.
"""

import contextlib
import functools
import io
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rga.attention.catalog import OF_ANY_GRID
from rga.cli import main, parsing
from rga.cli.commands import evaluate, train
from rga.cli.verbs import VERBS
from rga.recipes import read_recipe, to_json
from rga.reid.datasets.catalog import READERS
from rga.tasks import SHORT

ROOT = Path(__file__).resolve().parents[1]
NO_PAGES = {"_build", "results"}
"""Folders of ``docs/`` whose Markdown is built, or is a part of another page."""
PAGES = {
    page.relative_to(ROOT).as_posix(): page.read_text()
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if not NO_PAGES & set(page.relative_to(ROOT).parts)
}

PLACEHOLDER = re.compile(r"\b(DIR|RUN|IMAGES|FILE|RECIPE|NAME|GALLERY|SOURCE)\b")
SHORTER = {
    "rga demo gallery": "--identities 20 --strangers 2 --no-serve",
    "rga data make fruit": "--train 6 --val 3 --test 3 --size 32",
    "rga data make album": "--height 32 --width 16",
    "rga data make people": "--identities 10 --cameras 2 --images-per-camera 2 --distractors 2 --junk 1",
    "rga data make walks": "--identities 8 --cameras 2 --frames 2 --height 32 --width 16",
    "rga data make streets scenes": "--train 4 --val 2 --test 1 --height 48 --width 96",
    "rga data make streets": "--train 4 --val 2 --test 1 --height 48 --width 96",
    "rga train reid/generated": "--backbone test_resnet --ids-per-batch 4 --max-steps 1 --num-workers 0",
    "rga train seg/generated": "--backbone resnet10t --crop-size 48 64 --batch-size 2 --max-steps 1 --num-workers 0",
    "rga train cls/digits": "--image-size 8 --max-steps 1",
    "rga train cls/tiny": "--backbone test_resnet --image-size 32 --max-steps 1",
    "rga train seg/tiny": "--crop-size 32 32 --largest-grid 4 --max-steps 1",
    "rga train reid/tiny": "--backbone test_resnet --image-size 32 16 --max-steps 1",
    "rga train reid/video-small": "--backbone test_resnet --image-size 32 16 --max-steps 1",
    "rga search": "--num-workers 0",
    "rga classify": "--num-workers 0",
    "rga evaluate": "--num-workers 0",
    "rga embed": "--num-workers 0",
    "rga report": "--num-workers 0",
    "rga explain": "--write gates explorer --formats png",
}
"""Start of a command that would take minutes as it is -> what is added to it."""
SHORTER_PYTHON = {"epochs=10)": "backbone='test_resnet', ids_per_batch=4, max_steps=1, num_workers=0)"}
"""The same for Python: what stands on a page -> what runs."""

PRINTED: dict[str, tuple[str | tuple[str, ...], ...]] = {
    "README.md": ("torch.Size([2, 1, 96, 48])", "mINP"),
    "docs/classification.md": ("0.",),
    "docs/how-to/image-sizes.md": ("torch.Size([1, 512])",),
    "docs/how-to/new-attention.md": ("torch.Size([2, 512])",),
    "docs/how-to/new-dataset.md": ("4 to train on, 2 queries, 2 in the gallery",),
    "docs/how-to/new-task.md": ("top-1 accuracy | classify",),
    "docs/tutorials/cnn.md": ("loss",),
    "docs/tutorials/masks.md": ("(48, 96)",),
    "docs/tutorials/people.md": ("2 features of ",),
    "docs/tutorials/start.md": ("(2, 256) float32", "torch.Size([2, 10])"),
    "docs/deploy.md": ("largest differences to the model", "torch.Size([2, 10])"),
    "docs/explain.md": (("SpatialGates (32, 16)", "of the image"),),
    "docs/gallery.md": ("unsure [",),
    "docs/networks.md": (("[2, 384]", "['conv2', 'conv3', 'conv4']", "24.03 M parameters, 6.08 GMAC"),),
    "docs/ranking.md": ("re-ranked distance",),
    "docs/reid.md": ("(2, ",),
    "docs/segmentation.md": ("(64, 48)",),
    "docs/sizes.md": ("[2, 2048]", "'layer1.attention.spatial': 0."),
    "docs/training.md": ("0.001 se",),
    "docs/video.md": ("(2, 512)",),
}
"""What each of the Python programs of a page prints, among other things."""

MODELS = {
    f"runs/{recipe.replace('/', '-')}": recipe
    for recipe in ("reid/generated", "cls/digits", "seg/generated", "cls/tiny", "seg/tiny", "reid/tiny", "reid/video-small")
}
"""The models that the pages load -> the recipes whose training on the pages makes them."""
PAGE_TASKS = {
    "docs/segmentation.md": "segmentation",
    "docs/classification.md": "classification",
    "docs/detection.md": "detection",
}
"""The task of models that a page calls RUN; re-identification elsewhere."""

OF_OTHERS = {"--nproc-per-node", "--nnodes", "--node-rank", "--master-addr"}
"""Flags of other programs than ours."""
NOT_RUN = {
    "pip": "installs packages",
    "make": "is a target of the Makefile; test_make_targets_exist looks whether it is there",
    ".": "changes the shell that it is typed in",
    "python": "is one of benchmarks/, for minutes or hours; test_benchmarks_take_these_flags checks its flags",
    "bash": "runs on a machine with a GPU; tests/benchmarks writes and checks the script",
    "curl": "asks a server; tests/gallery asks it the same",
}
"""Programs other than ours in blocks of commands -> why they are not run here."""
MARKER = re.compile(r"<!-- not run: (.{10,}?) -->\n+$")
"""What stands above a block of Python that is not run, with the reason; readers of the page do not see it."""


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page], flags=re.DOTALL)


def programs(page: str) -> list[str]:
    """The Python of a page: the blocks up to the next one that imports ``rga`` belong together. Marked blocks are left out."""
    parts = re.split(r"```python\n(.*?)```", PAGES[page], flags=re.DOTALL)  # text, block, text, block, ...
    text = "\n".join(block for before, block in zip(parts[::2], parts[1::2], strict=False) if not MARKER.search(before))
    start = r"^(?=from pathlib import Path\n\nimport rga|(?<!import Path\n\n)import rga)"
    return [program for program in re.split(start, text, flags=re.MULTILINE) if program.strip()]


def block_commands(page: str) -> list[str]:
    """The commands in a page's blocks, without their comments."""
    lines = [line.split(" #")[0].strip() for block in blocks(page, "sh") for line in block.splitlines()]
    return [line for line in lines if line]


def prose(page: str) -> str:
    """A page without its code blocks."""
    return re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL)


def span_commands(page: str) -> list[str]:
    """The commands of ours in a page's code spans."""
    spans = [re.sub(r"\s+", " ", span) for span in re.findall(r"`([^`]+)`", prose(page))]
    return [span for span in spans if re.match(r"rga [a-z-]|torchrun ", span)]


def is_ours(command: str) -> bool:
    """Whether a command is one of ``rga``, alone or under torchrun."""
    return command.startswith(("rga ", "torchrun "))


RUN = list(dict.fromkeys(each for page in PAGES for each in block_commands(page) if is_ours(each) and not PLACEHOLDER.search(each)))
"""The commands that run; the README's come first."""
IN_README = block_commands("README.md")
PARSED = sorted({(page, command) for page in PAGES for command in (*block_commands(page), *span_commands(page)) if is_ours(command)})


class Workshop:
    """A folder in which the README's commands run, each once, and only those that are needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: set[str] = set()
        generator = np.random.default_rng(0)
        for name in ("a.jpg", "b.jpg", "a.png", "b.png"):
            Image.fromarray(generator.integers(0, 255, (64, 48, 3), dtype=np.uint8)).save(folder / name)

    def run(self, command: str) -> None:
        """Runs a command as it is typed (shortened), after those that make what it reads."""
        if command in self.done:
            return
        self.done.add(command)
        for earlier in RUN[: RUN.index(command)]:
            if reads(command, makes(earlier)):
                self.run(earlier)
        added = next((flags for start, flags in SHORTER.items() if command.startswith(start)), "")
        assert typed([*shlex.split(command)[1:], *added.split()]) == 0

    def make(self, folder: str) -> None:
        """Runs the command that makes a folder."""
        self.run(next(command for command in RUN if makes(command) == folder))


def makes(command: str) -> str:
    """The folder or file that a command makes and others read; empty for none."""
    words = command.split()
    if words[1:3] == ["data", "make"]:
        return words[4]
    if words[1:3] == ["data", "classes"]:
        return words[3]  # the table of classes, without which nobody trains on the folder
    if words[1] in ("train", "export") and "-o" in words:
        return words[words.index("-o") + 1]
    return next((folder for folder, recipe in MODELS.items() if words[1:3] == ["train", recipe]), "")


def reads(command: str, folder: str) -> bool:
    """Whether a command names a folder, or something in it."""
    return bool(folder) and any(word == folder or word.startswith(f"{folder}/") for word in re.split(r"[\s:?'\"]", command))


def typed(words: Sequence[str]) -> int:
    """The exit code of a command line."""
    try:
        return main.main(words)
    except SystemExit as left:
        return int(left.code or 0)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The folder that this file's tests share."""
    return Workshop(tmp_path_factory.mktemp("workshop"))


SLOW = ("rga explain", "rga report", "rga export", "rga demo gallery")
"""Commands of the README that other tests run, too: here in make test-all."""


def slow_outside_of_readme(page: str) -> tuple[pytest.MarkDecorator, ...]:
    """The README's commands and programs run in every test, those of other pages in make test-all."""
    return () if page == "README.md" else (pytest.mark.slow,)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(each, marks=slow_outside_of_readme("README.md" if each in IN_README and not each.startswith(SLOW) else ""))
        for each in RUN
    ],
)
def test_commands_run(command: str, workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workshop.folder)
    workshop.run(command)


@pytest.fixture
def catalogues() -> Iterator[None]:
    """The catalogues that a program on a page may add to are as before, afterwards."""
    changed: tuple[dict[str, Any], ...] = (OF_ANY_GRID, READERS)
    before = [(catalogue, dict(catalogue)) for catalogue in changed]
    yield
    for catalogue, entries in before:
        catalogue.clear()
        catalogue.update(entries)


@pytest.mark.usefixtures("catalogues")
@pytest.mark.parametrize(
    ("page", "number"),
    [pytest.param(page, number, marks=slow_outside_of_readme(page)) for page in PAGES for number in range(len(programs(page)))],
)
def test_python_runs(
    page: str, number: int, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = programs(page)[number]
    monkeypatch.chdir(workshop.folder)
    for folder in filter(None, map(makes, RUN)):
        if f'"{folder}"' in program or f':{folder}"' in program:
            workshop.make(folder)
    for shown, short in SHORTER_PYTHON.items():
        program = program.replace(shown, short)
    capsys.readouterr()
    exec(program, {})
    printed, expected = capsys.readouterr().out, PRINTED[page][number]
    for each in (expected,) if isinstance(expected, str) else expected:
        assert each in printed


@pytest.mark.parametrize("page", PAGES)
def test_of_each_program_something_printed_is_expected(page: str) -> None:
    assert len(programs(page)) == len(PRINTED.get(page, ()))


@pytest.mark.parametrize(("page", "command"), PARSED)
def test_commands_parse(page: str, command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words = shlex.split(command)
    words = words[words.index("rga") + 1 :]
    if any(verb.split()[: len(words)] == words for verb in VERBS):
        return  # a verb, or the first word of several, in a sentence
    reached = []

    def parse(function: Callable[..., Any], arguments: Sequence[str], prog: str) -> int:
        @functools.wraps(function)
        def stand_in(*_: object, **__: object) -> int:
            reached.append(prog)
            return 0

        return parse_with_tyro(stand_in, arguments, prog)

    parse_with_tyro = parsing.parse
    for module in (parsing, train, evaluate):
        monkeypatch.setattr(module, "parse", parse)
    monkeypatch.setattr("rga.loading.task_of", lambda model: task_on(page, model))
    monkeypatch.chdir(tmp_path)
    Path("FILE.json").write_text(to_json(read_recipe("reid/small")))
    assert typed(words) == 0
    assert reached or set(words) & {"--help", "--list", "--show", "--version"}


def task_on(page: str, model: str) -> str:
    """The task of a model that a page names."""
    kind = re.match(r"runs/([a-z]+)-", model)
    return next((task for task, short in SHORT.items() if kind and kind[1] == short), PAGE_TASKS.get(page, "reid"))


@pytest.fixture(scope="module")
def flags() -> frozenset[str]:
    """All flags of all verbs, of the benchmarks and of the command line itself."""
    known = {"--help", "--version", "--traceback", "--list", "--show", *OF_OTHERS}
    for script in (ROOT / "benchmarks").glob("*.py"):
        known |= set(re.findall(r"\"(--[a-z][a-z0-9-]*)\"", script.read_text()))
    recipes = [f"train {name}" for name in ("reid/market1501", "seg/cityscapes", "cls/digits", "detection/coco")]
    for verb in ["evaluate", *recipes, *(verb for verb, each in VERBS.items() if not each.parses)]:
        known |= flags_in_help(verb.split())
    return frozenset(known)


def flags_in_help(words: Sequence[str]) -> set[str]:
    """The flags that a command's help names."""
    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output):
        patch.setenv("COLUMNS", "200")
        assert typed([*words, "--help"]) == 0
    return set(re.findall(r"--[a-z][a-z0-9-]*", output.getvalue()))


@pytest.mark.parametrize("page", PAGES)
def test_flags_exist(page: str, flags: frozenset[str]) -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", PAGES[page]))
    assert named <= flags


@pytest.mark.parametrize("page", PAGES)
def test_benchmarks_take_these_flags(page: str) -> None:
    for span in re.findall(r"python (benchmarks/\w+\.py[^`\n#]*)", PAGES[page]):
        script, *words = span.split("--", 1)[0].split() if " -- " in span else span.split()
        text = (ROOT / script).read_text()
        assert [word for word in words if word.startswith("--") and f'"{word}"' not in text] == []


@pytest.mark.parametrize("page", PAGES)
def test_linked_and_named_files_exist(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGES[page])
    named = re.findall(r"`((?:src|tests|benchmarks|docs)/[\w/.-]+)`", PAGES[page])
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_linked_headings_exist(page: str) -> None:
    for target, heading in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", PAGES[page]):
        text = (ROOT / page).parent.joinpath(target).read_text() if target else PAGES[page]
        titles = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
        assert heading in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_run_parsed_or_of_a_program_that_is_not_run(page: str) -> None:
    assert {command.split()[0] for command in block_commands(page) if not is_ours(command)} <= set(NOT_RUN)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_is(page: str) -> None:
    """No command or program hides in a block without a language, where no test would run it."""
    for language, block in re.findall(r"^```([^\n]*)\n(.*?)^```$", PAGES[page], flags=re.DOTALL | re.MULTILINE):
        assert language in ("sh", "python", "text", "bibtex", "") or re.fullmatch(r"\{[a-z-]+\}.*", language), language
        if language in ("text", ""):
            assert not re.search(r"^(rga|python|pip|torchrun|import|from|>>>) ", block, flags=re.MULTILINE)


@pytest.mark.parametrize("page", [page for page in PAGES if "<!-- not run" in PAGES[page]])
def test_marked_blocks_are_python_with_a_reason(page: str) -> None:
    marks = re.findall(r"<!-- not run: (.{10,}?) -->\n+```python\n(.*?)```", PAGES[page], flags=re.DOTALL)
    assert len(marks) == PAGES[page].count("<!-- not run")
    for _, block in marks:
        compile(block, page, "exec")


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = [command.split()[1] for page in PAGES for command in block_commands(page) if command.startswith("make ")]
    assert {"demo", "test"} <= set(targets)
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, flags=re.MULTILINE)] == []
