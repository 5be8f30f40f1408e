"""The two roles of one construction: the positions of a map as nodes (RGA-S), or its channels (RGA-C)."""

from __future__ import annotations

from diagrams.svg import Drawing

SHEETS, ROWS, COLUMNS, CELL, SHIFT = 5, 5, 3, 18, 11
"""Channels that are drawn, their grid, the size of a position, and how far each channel lies behind the one before."""


def nodes() -> str:
    """The drawing."""
    drawing = Drawing(480, 330, "RGA-S takes the positions of a map as nodes, RGA-C its channels")
    for middle, title, words in (
        (120, "RGA-S: a position is a node", ("its features: C channels", "H·W nodes, H·W gates", "one gate a position, for all channels")),
        (360, "RGA-C: a channel is a node", ("its features: H·W positions", "C nodes, C gates", "one gate a channel, for all positions")),
    ):
        drawing.text(middle, 22, title, "strong")
        sheets(drawing, middle - (COLUMNS * CELL + (SHEETS - 1) * SHIFT) / 2, channel=middle > 240)
        for line, each in enumerate(words):
            drawing.text(middle, 226 + 22 * line, each, "small", *(("soft",) if line else ()))
    drawing.arrow((200, 106), (280, 106))
    drawing.text(240, 96, "then", "small", "soft")
    drawing.text(240, 312, "RGA-SC: first RGA-S, then RGA-C on what it returns", "strong")
    return str(drawing)


def sheets(drawing: Drawing, left: float, *, channel: bool) -> None:
    """The channels of a map, one behind the other; one position of all of them is coloured, or all of one."""
    top = 46
    for sheet in reversed(range(SHEETS)):
        x, y = left + sheet * SHIFT, top + (SHEETS - 1 - sheet) * SHIFT
        drawing.grid(x, y, ROWS, COLUMNS, CELL)
        if channel and sheet == 0:
            drawing.box(x, y, COLUMNS * CELL, ROWS * CELL, "columns")
        if not channel:
            drawing.box(x + (COLUMNS - 1) * CELL, y, CELL, CELL, "rows")
    drawing.text(left + COLUMNS * CELL / 2, top + SHEETS * SHIFT + ROWS * CELL + 8, "W", "small", "soft")
    drawing.text(left - 12, top + SHEETS * SHIFT + ROWS * CELL / 2, "H", "small", "soft")
    drawing.text(left + COLUMNS * CELL + SHEETS * SHIFT + 2, top + SHEETS * SHIFT / 2 + ROWS * CELL + 4, "C", "small", "soft")
