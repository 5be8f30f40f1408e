"""The command line's entrance: its table of verbs, its help, and its answers to mistakes."""

import importlib
import inspect
import subprocess
import sys

import pytest

import rga
from rga import __main__ as entrance
from rga.__main__ import VERBS, main


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> str:
    """A verb of two words whose function stands in this file."""
    monkeypatch.setitem(VERBS, "stand in", (f"{__name__}:stand_in", "does as it is told"))
    return "stand in"


def stand_in(outcome: str = "none", number: int = 0) -> int | None:
    """Does as it is told.

    Args:
        outcome: what it does.
        number: the exit code.
    """
    if outcome == "value":
        raise ValueError("the value is wrong: take another")
    if outcome == "file":
        raise FileNotFoundError("no file there")
    if outcome == "interrupt":
        raise KeyboardInterrupt
    if outcome == "bug":
        raise RuntimeError("a bug")
    return number if outcome == "code" else None


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_verb_and_what_it_is_for(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    assert main([flag]) == 0
    lines = capsys.readouterr().out.splitlines()
    for verb, (_, purpose) in VERBS.items():
        assert any(line.strip().startswith(f"{verb}  ") and line.endswith(f"  {purpose}") for line in lines)


def test_help_on_a_first_word_names_the_verbs_that_begin_with_it(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert main(["stand", "--help"]) == 0
    out = capsys.readouterr().out
    assert verb in out
    assert "demo" not in out


def test_help_of_a_verb_names_its_flags(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    with pytest.raises(SystemExit) as done:
        main([*verb.split(), "--help"])
    assert done.value.code == 0
    out = capsys.readouterr().out
    assert "usage: rga stand in" in out
    assert "--outcome" in out
    assert "the exit code." in out


def test_no_verb_is_a_mistake_that_is_answered_with_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "demo" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["dmeo"], ["data", "chek"], ["--backbone", "resnet50"], ["dmeo", "--lr", "3"], ["dmeo", "--help"]], ids=" ".join
)
def test_an_unknown_verb_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(words) == 2
    err = capsys.readouterr().err
    typed = "data chek" if words[0] == "data" else words[0]
    assert err == f"rga: unknown verb '{typed}': choose one of {', '.join(VERBS)}\n"


@pytest.mark.parametrize(("outcome", "code"), [("none", 0), ("code", 7)])
def test_what_a_verb_returns_is_the_exit_code(verb: str, outcome: str, code: int) -> None:
    assert main([*verb.split(), "--outcome", outcome, "--number", "7"]) == code


@pytest.mark.parametrize(("outcome", "line"), [("value", "rga: the value is wrong: take another\n"), ("file", "rga: no file there\n")])
def test_what_the_user_can_fix_is_one_line(capsys: pytest.CaptureFixture[str], verb: str, outcome: str, line: str) -> None:
    assert main([*verb.split(), "--outcome", outcome]) == 2
    assert capsys.readouterr().err == line


def test_an_interrupt_is_one_line_and_130(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert main([*verb.split(), "--outcome", "interrupt"]) == 130
    assert capsys.readouterr().err == "rga: interrupted\n"


def test_a_bug_shows_where_it_is(verb: str) -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        main([*verb.split(), "--outcome", "bug"])


def test_an_unknown_flag_is_a_mistake(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    with pytest.raises(SystemExit) as done:
        main([*verb.split(), "--outcom", "none"])
    assert done.value.code == 2
    assert "--outcome" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"rga {rga.__version__}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_a_documented_function_that_returns_an_exit_code_or_nothing(verb: str) -> None:
    module, name = VERBS[verb][0].split(":")
    assert module.startswith("rga.cli.")
    function = getattr(importlib.import_module(module), name)
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


def test_help_waits_for_nothing_heavy() -> None:
    code = (
        "import sys; from rga.__main__ import main; main(['--help']);"
        "print('heavy:', *{'torch', 'timm', 'numpy', 'PIL', 'tyro', 'rga.cli'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "demo" in done.stdout
    assert done.stdout.splitlines()[-1].split() == ["heavy:"]


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "rga", "nothing"], capture_output=True, text=True, check=False)
    assert done.returncode == entrance.MISTAKE
    assert done.stderr.startswith("rga: unknown verb 'nothing'")


@pytest.mark.parametrize("words", ["--help", "cost --help"])
def test_a_reader_who_has_seen_enough_is_no_mistake(words: str) -> None:
    command = f"set -o pipefail; {sys.executable} -m rga {words} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (entrance.UNREAD, "")
