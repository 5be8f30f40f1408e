"""Names of files, folders and classes as people have them: spaces, accents in both forms, brackets, and worse."""

from __future__ import annotations

import sys

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

ODD = (
    "two words",
    "café",
    "cafe\u0301",  # the same, decomposed
    "名前",
    "имя",
    "[cat]",
    "[/bold]",
    "a[b]c",
    "it's",
    'say "x"',
    "100%",
    "%41",
    "%2e%2e",
    "a&b=c",
    "#1",
    "-dash",
    "~tilde",
    "semi;colon",
    "com,ma",
    "dot.ted",
    "dot.png.d",
    "star*",
    "UPPER",
    "lower",
    "\U0001f600",
    "back\\slash",
    "con",
    "x" * 120,
    "0",
    "-1",
    "007",
    "None",
    "null",
    "true",
    "\u200f\u05e9\u05dc",
    "colon:colon",
    "question?mark",
    "line\nbreak",
    "tab\tulator",
)
"""Names that a person or a program gives to files."""

UNDECODABLE = "latin-\udce9"
"""A name that is not UTF-8, as Python shows it."""

CANNOT = frozenset("/\0") if sys.platform != "win32" else frozenset('/\\\0:*?"<>|\n\t')


def odd_names() -> SearchStrategy[str]:
    """Odd names that this system's files can have."""
    return st.sampled_from([name for name in ODD if not CANNOT & {*name}])


def file_names() -> SearchStrategy[str]:
    """Plain names and odd ones, of one to three parts."""
    return st.one_of(st.sampled_from(["a", "b", "image", "0001"]), odd_names(), st.text("ab1_ -é[]", min_size=1, max_size=6).map(solid))


def solid(text: str) -> str:
    """A name that is no blank, and does not hide the file."""
    return f"n{text}" if not text.strip() or text.startswith(".") else text
