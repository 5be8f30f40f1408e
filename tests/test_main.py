"""The command line's entrance: its table of verbs, its help, and its answers to mistakes."""

import importlib
import inspect
import re
import subprocess
import sys

import pytest

import rga
from rga.cli import main as entrance
from rga.cli.main import main
from rga.cli.verbs import VERBS, Verb
from rga.errors import HubError, InputError, MissingFileError, MissingPackageError


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> str:
    """A verb of two words whose function stands in this file."""
    monkeypatch.setitem(VERBS, "stand in", Verb(f"{__name__}:stand_in", "does as it is told", "[--outcome OUTCOME]"))
    return "stand in"


OUTCOMES: dict[str, BaseException] = {
    "value": InputError("the value is wrong: take another"),
    "file": MissingFileError("no file there"),
    "hub": HubError("the hub cannot be reached"),
    "package": MissingPackageError("matplotlib", "explain"),
    "disk": OSError(28, "No space left on device", "file.json"),
    "optional": ModuleNotFoundError("No module named 'h5py'", name="h5py"),
    "interrupt": KeyboardInterrupt(),
    "runtime": RuntimeError("a bug"),
    "bug of values": ValueError("not ours"),
    "bug of keys": KeyError("not ours"),
    "bug of files": OSError("without a number: not the operating system's"),
    "bug of imports": ModuleNotFoundError("No module named 'rga.gone'", name="rga.gone"),
}
"""What the stand-in raises."""


def stand_in(outcome: str = "none", number: int = 0) -> int | None:
    """Does as it is told.

    Args:
        outcome: What it does.
        number: Exit code.
    """
    if outcome in OUTCOMES:
        raise OUTCOMES[outcome]
    return number if outcome == "code" else None


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_verb_and_what_it_is_for(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    assert main([flag]) == 0
    out = capsys.readouterr().out
    for verb, entry in VERBS.items():
        assert re.search(rf"^  {re.escape(f'{verb} {entry.usage}'.rstrip())}  +{re.escape(entry.about)}$", out, re.MULTILINE)
    assert "--traceback" in out
    assert "rga VERB --help" in out


def test_help_on_a_first_word_names_the_verbs_that_begin_with_it(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert main(["stand", "--help"]) == 0
    out = capsys.readouterr().out
    assert verb in out
    assert "demo" not in out


def test_a_first_word_alone_is_a_mistake_that_is_answered_with_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "make"]) == 2
    err = capsys.readouterr().err
    assert "data make people DIR" in err
    assert "data check" not in err


def test_help_of_a_verb_names_its_flags(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    with pytest.raises(SystemExit) as done:
        main([*verb.split(), "--help"])
    assert done.value.code == 0
    out = capsys.readouterr().out
    assert "usage: rga stand in" in out
    assert "--outcome" in out
    assert "Exit code." in out


def test_no_verb_is_a_mistake_that_is_answered_with_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "demo" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("dmeo", "unknown verb 'dmeo': did you mean demo?"),
        ("dmeo --lr 3", "unknown verb 'dmeo': did you mean demo?"),
        ("dmeo --help", "unknown verb 'dmeo': did you mean demo?"),
        ("evalute runs/people", "unknown verb 'evalute': did you mean evaluate?"),
        ("data chek folder:x", "unknown verb 'data chek': did you mean data check?"),
        ("data chek market1501:people", "unknown verb 'data chek': did you mean data check?"),
        ("data make poeple", "unknown verb 'data make poeple': did you mean data make people?"),
        ("demo segmentatoin", "unknown verb 'demo segmentatoin': did you mean demo segmentation?"),
        ("--backbone resnet50", f"unknown verb '--backbone': choose one of {', '.join(VERBS)}"),
        ("xyzzy", f"unknown verb 'xyzzy': choose one of {', '.join(VERBS)}"),
    ],
)
def test_an_unknown_verb_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str], words: str, answer: str) -> None:
    assert main(words.split()) == 2
    assert capsys.readouterr().err == f"rga: {answer}\n"


@pytest.mark.parametrize(("outcome", "code"), [("none", 0), ("code", 7)])
def test_what_a_verb_returns_is_the_exit_code(verb: str, outcome: str, code: int) -> None:
    assert main([*verb.split(), "--outcome", outcome, "--number", "7"]) == code


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        ("value", "the value is wrong: take another"),
        ("file", "no file there"),
        ("hub", "the hub cannot be reached"),
        ("package", "this needs matplotlib, which is not installed: pip install 'rga[explain]'"),
        ("disk", "[Errno 28] No space left on device: 'file.json'"),
        ("optional", "this needs h5py, which is not installed: pip install 'rga[cuhk03]'"),
    ],
)
def test_what_the_user_can_fix_is_one_line(capsys: pytest.CaptureFixture[str], verb: str, outcome: str, line: str) -> None:
    assert main([*verb.split(), "--outcome", outcome]) == 2
    assert capsys.readouterr().err == f"rga: {line}\n"


@pytest.mark.parametrize("outcome", [name for name in OUTCOMES if name != "runtime" and not name.startswith("bug")])
def test_traceback_shows_where_an_error_came_from(verb: str, outcome: str) -> None:
    with pytest.raises(type(OUTCOMES[outcome])):
        main([*verb.split(), "--outcome", outcome, "--traceback"])


def test_an_interrupt_is_one_line_and_130(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert main([*verb.split(), "--outcome", "interrupt"]) == 130
    assert capsys.readouterr().err == "rga: interrupted\n"


@pytest.mark.parametrize("outcome", ["runtime", *(name for name in OUTCOMES if name.startswith("bug"))])
def test_a_bug_shows_where_it_is(verb: str, outcome: str) -> None:
    with pytest.raises(type(OUTCOMES[outcome])) as raised:
        main([*verb.split(), "--outcome", outcome])
    assert raised.traceback[-1].name == "stand_in"


def test_an_unknown_flag_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    with pytest.raises(SystemExit) as done:
        main([*verb.split(), "--outcom", "none"])
    assert done.value.code == 2
    err = capsys.readouterr().err
    assert "Unrecognized options: --outcom" in err
    assert "Perhaps you meant" in err
    assert "--outcome" in err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"rga {rga.__version__}\n"


def function_of(verb: str) -> object:
    module, name = VERBS[verb].home.split(":")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_a_documented_function_that_returns_an_exit_code_or_nothing(verb: str) -> None:
    function = function_of(verb)
    assert callable(function)
    assert inspect.getdoc(function)
    assert inspect.signature(function, eval_str=True).return_annotation in (None, int, int | None)


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_hides_another(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[str] = []

    def run(found: str, _: object) -> int:
        chosen.append(found)
        return 0

    monkeypatch.setattr(entrance, "run", run)
    assert main([*verb.split(), "--flag"]) == 0
    assert chosen == [verb]


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        ("--help", "torch timm numpy PIL tyro pydantic rich"),
        ("train --list", "torch timm numpy PIL pydantic"),
        ("train reid/market1501 --help", "torch timm numpy PIL pydantic"),
        ("train seg/cityscapes --help", "torch timm numpy PIL pydantic"),
        ("resume --help", "torch timm numpy PIL pydantic"),
        ("completion bash", "torch timm numpy PIL pydantic"),
    ],
)
def test_help_waits_for_nothing_heavy(words: str, heavy: str) -> None:
    code = (
        f"import sys\nfrom rga.__main__ import main\ntry: main({words.split()})\nexcept SystemExit: pass\n"
        f"print('heavy:', *set({heavy.split()}) & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(done.stdout) > 500
    assert done.stdout.splitlines()[-1].split() == ["heavy:"]


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "rga", "nothing"], capture_output=True, text=True, check=False)
    assert done.returncode == entrance.MISTAKE
    assert done.stderr.startswith("rga: unknown verb 'nothing'")


@pytest.mark.parametrize("words", [pytest.param("--help", marks=pytest.mark.slow), "cost --help"])
def test_a_reader_who_has_seen_enough_is_no_mistake(words: str) -> None:
    command = f"set -o pipefail; {sys.executable} -m rga {words} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (entrance.UNREAD, "")


def test_a_verb_of_the_first_edition_is_answered_with_the_one_that_it_began_with(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate-segmentation", "run"]) == 2
    assert "unknown verb 'evaluate-segmentation': did you mean evaluate?" in capsys.readouterr().err
