"""``rga completion bash | zsh``: prints a script that completes verbs, recipes and files in a shell."""

from __future__ import annotations

from typing import Annotated, Literal

import tyro

from rga.cli.verbs import VERBS
from rga.tasks import recipe_functions

BASH = """# eval "$(rga completion bash)"
_rga() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" line="${{COMP_WORDS[*]:1:COMP_CWORD-1}}"
    case "$line" in
{cases}
    esac
    COMPREPLY+=($(compgen -f -- "$word"))
}}
complete -o filenames -F _rga rga
"""

CASE = """        "{typed}") COMPREPLY=($(compgen -W "{words}" -- "$word")); [ ${{#COMPREPLY[@]}} -gt 0 ] && return;;"""


def completion(shell: Annotated[Literal["bash", "zsh"], tyro.conf.Positional]) -> None:
    """Print a script that completes verbs and recipes.

    Add eval "$(rga completion bash)" to ~/.bashrc, or eval "$(rga completion zsh)" to ~/.zshrc.

    Args:
        shell: Your shell.
    """
    script = BASH.format(cases="\n".join(CASE.format(typed=typed, words=" ".join(words)) for typed, words in following().items()))
    print(f"autoload -U +X bashcompinit && bashcompinit\n{script}" if shell == "zsh" else script, end="")


def following() -> dict[str, list[str]]:
    """What was typed -> the words that may follow."""
    found: dict[str, list[str]] = {}
    for verb in VERBS:
        words = verb.split()
        for length, word in enumerate(words):
            nexts = found.setdefault(" ".join(words[:length]), [])
            if word not in nexts:
                nexts.append(word)
    found[""] += ["--help", "--version"]
    found["train"] = [*recipe_functions(), "--list", "--show"]
    found["train --show"] = list(recipe_functions())
    found["completion"] = ["bash", "zsh"]
    return found
