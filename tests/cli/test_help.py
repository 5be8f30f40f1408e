"""Help, ``rga doctor`` and the shell's completion."""

import shutil
import subprocess
from pathlib import Path

import pytest

from cli.terminal import rga
from rga.cli.commands.completion import following
from rga.cli.verbs import VERBS
from rga.tasks import recipe_functions

FLAGS = {
    "evaluate": "--data --output --report --batch-size --num-workers --device --flip --frames --rerank --lambda --split --window --scales",
    "calibrate": "MODEL --data --output --report --unknown --false-alarms --feature --frames --seed --batch-size --device",
    "resume": "RUN --from --set",
    "embed": "MODEL IMAGES --output --overwrite --flip --batch-size --num-workers --device",
    "search": "MODEL IMAGES --gallery --output --overwrite --top --flip --batch-size --num-workers --device",
    "segment": "MODEL IMAGES --output --overwrite --write --dataset-values --window --scales --flip --device",
    "classify": "MODEL IMAGES --output --overwrite --top --batch-size --num-workers --device",
    "detect": "MODEL IMAGES --output --overwrite --skip-damaged --min-score --device",
    "report": "RUN --data --output --figures --overwrite",
    "export": "MODEL --to --for --output --preprocessing-inside --int8 --data --calibration-images --max-drop --tolerance --overwrite",
    "explain": "MODEL IMAGES --output --write --position --target --similar-to --beside --formats",
    "gallery create": "GALLERY --model --thumbnails --flip --image-size --mean --std --device",
    "gallery add": "GALLERY SOURCE --detector --camera --zone --people --every --skip-damaged --batch-size --device",
    "gallery search": "GALLERY IMAGES --top --camera --since --until --like --unlike --rerank --output --overwrite --device",
    "gallery show": "GALLERY PERSON --part --limit --thumbnails",
    "gallery name": "GALLERY PERSON NAME",
    "gallery merge": "GALLERY PERSON",
    "gallery undo": "GALLERY",
    "gallery remove": "GALLERY --person --sightings --source --camera --every-recording --keep-out --output --overwrite",
    "gallery expire": "GALLERY --days --output --overwrite",
    "gallery calibrate": "GALLERY --false-alarms --unsure",
    "gallery export": "GALLERY --output --person --overwrite",
    "gallery import": "FILE GALLERY",
    "gallery stats": "GALLERY",
    "gallery doctor": "GALLERY",
    "gallery relocate": "GALLERY MODEL --flip --image-size --mean --std --device",
    "gallery rebuild": "GALLERY MODEL SOURCE --detector --camera --flip --image-size --batch-size --device",
    "serve": "GALLERY --host --port --token-file --name --device",
    "data check": "NAME:FOLDER --task --open-images --output --overwrite",
    "data classes": "FOLDER --output",
    "data make fruit": "DIR --train --val --test --classes --seed",
    "data make album": "DIR --people --train --query --cameras --seed",
    "data make people": "DIR --identities --cameras --seed",
    "data make walks": "DIR --identities --cameras --tracklets-per-camera --frames --occlusion --company --seed",
    "data make streets": "DIR --train --val --test --layout --seed",
    "cost": "BACKBONE --attentions --image-size --backbone-options --inside-blocks",
    "gates": "--output --overwrite",
    "demo": "--output --identities --epochs --seed",
    "demo reid": "--output --identities --epochs --seed",
    "demo segmentation": "--output --train-images --test-images --epochs --seed",
    "demo gallery": "--output --identities --strangers --seed --serve --port",
    "completion": "{bash,zsh}",
    "reproduce": "TABLE --scale --data --seeds --variants --at-once --minutes --device --threads --tf32 --output --evidence",
    "train": "--data --list --show reid/market1501 seg/cityscapes cls/digits",
    "data list": "",
    "doctor": "--json",
}
"""Verb -> what its help must name."""


def test_every_verb_has_its_line_here() -> None:
    assert FLAGS.keys() == VERBS.keys()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    done = rga(*verb.split(), "--help")
    assert (done.code, done.err) == (0, "")
    assert f"rga {verb}" in done.out
    for word in FLAGS[verb].split():
        assert word in done.said
    assert "`" not in done.out  # marks of code are not for terminals
    assert "{None}|PATH" not in done.out


@pytest.mark.parametrize("verb", [verb for verb, entry in VERBS.items() if not entry.parses])
def test_every_flag_says_what_it_does(verb: str) -> None:
    """Each argument in the help of a verb is followed by a sentence that begins with a capital letter or a digit."""
    lines = [line.strip("\u2502 \n") for line in rga(*verb.split(), "--help").out.splitlines() if line.startswith("\u2502")]
    for index, line in enumerate(lines):
        if line.startswith("-") or line.split("  ")[0] in ("RUN", "MODEL", "DIR", "FOLDER", "NAME:FOLDER"):
            said = line.partition("  ")[2].strip() or lines[index + 1]
            if line.startswith("-h"):
                continue
            assert said[:1].isupper() or said[:1].isdigit(), line
            assert len(said.split()) > 1, line


def completed(line: str, folder: Path) -> list[str]:
    """What bash offers after a line."""
    words = line.split(" ")
    script = folder / "complete.bash"
    quoted = " ".join(f"'{word}'" for word in words)
    script.write_text(
        f"{rga('completion', 'bash').out}\nCOMP_WORDS=({quoted})\nCOMP_CWORD={len(words) - 1}\n_rga\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    )
    done = subprocess.run(["bash", str(script)], capture_output=True, text=True, check=True, cwd=folder)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rga ev", ["evaluate"]),
        ("rga d", ["detect", "data", "demo", "doctor"]),
        ("rga data ", ["check", "classes", "make", "list"]),
        ("rga data make p", ["people"]),
        ("rga train seg/c", ["seg/cityscapes", "seg/camvid"]),
        ("rga train --show cls/d", ["cls/digits"]),
        ("rga train --l", ["--list"]),
        ("rga completion ", ["bash", "zsh"]),
        ("rga evaluate my-r", ["my-run"]),
        ("rga --v", ["--version"]),
    ],
)
def test_bash_completes_verbs_recipes_and_files(line: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "my-run").mkdir()
    assert completed(line, tmp_path) == words


def test_completion_knows_every_verb_and_recipe() -> None:
    words = following()
    for verb in VERBS:
        first, *rest = verb.split()
        assert first in words[""]
        assert not rest or rest[0] in words[first]
    assert set(recipe_functions()) <= set(words["train"])
    assert rga("completion", "zsh").out.startswith("autoload -U +X bashcompinit && bashcompinit\n")
    done = rga("completion", "fish")
    assert (done.code, "invalid choice 'fish'" in done.said) == (2, True)


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_says_what_it_does_before_how_it_is_typed(name: str) -> None:
    verb = VERBS[name]
    assert verb.about[0].islower()
    assert len(verb.about.split()) > 2
    assert not verb.usage or verb.usage[0].isupper() or verb.usage.startswith("[") or name == "completion"
