"""Names of people as they are stored and looked for: the same letters are the same name, however they were typed."""

from __future__ import annotations

import unicodedata

from rga.errors import InputError


def as_stored(name: str) -> str:
    r"""A name without spaces around it, its letters composed (Unicode's NFC): folders of some systems and tables write them in two ways.

    Raises:
        InputError: it holds what no database stores.

    Example:
        >>> as_stored(" Jose\u0301 ") == "Jos\u00e9"
        True
    """
    if "\0" in name or any("\ud800" <= letter <= "\udfff" for letter in name):
        raise InputError(f"the name {name!r} holds a character that is no text (NUL, or half of a pair): write it without")
    return unicodedata.normalize("NFC", name).strip()


def folded(name: str) -> str:
    r"""A name without the difference of small and capital letters, in all alphabets.

    Example:
        >>> folded("M\u00fcller") == folded("M\u00dcLLER"), folded("Gro\u00df") == folded("GROSS")
        (True, True)
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
