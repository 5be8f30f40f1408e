"""How one node gets its gate: affinities with all others, its row and its column, its own feature, and a small network."""

from __future__ import annotations

from diagrams.svg import TIMES, Drawing

NODE, NODES, CELL = 2, 8, 14
"""The node that is shown, of how many, and the size of an affinity's cell."""


def relation() -> str:
    """The drawing."""
    drawing = Drawing(480, 540, "From the map to the gate of node i: affinities, relation vector, joint feature, gate")
    nodes_and_affinity(drawing)
    joint_feature(drawing)
    gate(drawing)
    return str(drawing)


def nodes_and_affinity(drawing: Drawing) -> None:
    """The nodes, their two embeddings, and the affinity with the row and the column of the node."""
    drawing.text(70, 20, "M nodes", "strong")
    drawing.grid(14, 30, NODES, 8, CELL)
    drawing.box(14, 30 + NODE * CELL, 8 * CELL, CELL, "own")
    drawing.text(70, 162, "D features each", "small", "soft")
    for y, name in ((44, "θ"), (100, "φ")):
        drawing.layer(168, y, 40, 28, name)
        drawing.arrow((126, y + 14), (168, y + 14))
        drawing.arrow((208, y + 14), (262, y + 14))
    left, top = 264, 30
    drawing.text(left + 56, 20, "affinity R", "strong")
    drawing.grid(left, top, NODES, NODES, CELL)
    drawing.box(left, top + NODE * CELL, NODES * CELL, CELL, "rows")
    drawing.box(left + NODE * CELL, top, CELL, NODES * CELL, "columns")
    drawing.text(left + 124, top + 24 + CELL, "R(i,:)", "rows", anchor="start")
    drawing.text(left + 124, top + 40 + CELL, "from i to all", "small", "soft", anchor="start")
    drawing.text(left + 124, top + 74 + CELL, "R(:,i)", "columns", anchor="start")
    drawing.text(left + 124, top + 90 + CELL, "from all to i", "small", "soft", anchor="start")
    drawing.text(left + 56, 162, f"M {TIMES} M", "small", "soft")


def joint_feature(drawing: Drawing) -> None:
    """The relation vector and the node's own feature, each embedded, side by side."""
    drawing.arrow((320, 172), (320, 206))
    drawing.text(308, 200, "relation vector rᵢ", "strong", anchor="end")
    for number in range(2 * NODES):
        drawing.box(208 + number * CELL, 210, CELL, 22, "rows" if number < NODES else "columns")
    drawing.text(448, 226, "2M", "small", "soft")
    drawing.arrow((320, 234), (320, 262))
    drawing.layer(290, 264, 60, 28, "varphi")
    drawing.arrow((320, 292), (320, 330))
    drawing.arrow((70, 172), (70, 262))
    drawing.text(78, 196, "xᵢ", anchor="start")
    drawing.layer(30, 264, 80, 28, "mean ψ")
    drawing.arrow((70, 292), (70, 345), (206, 345))
    drawing.text(126, 336, "1 number", "small", "soft")


def gate(drawing: Drawing) -> None:
    """The joint feature, the two last layers and the product."""
    drawing.box(208, 334, CELL, 22, "own")
    for number in range(1, 9):
        drawing.box(208 + number * 2 * CELL - CELL, 334, 2 * CELL, 22)
    drawing.text(460, 350, "yᵢ", "strong")
    drawing.text(320, 374, "1 + M/s₁ numbers", "small", "soft")
    drawing.arrow((320, 380), (320, 406))
    drawing.layer(250, 408, 140, 28, "W₁, W₂, sigmoid")
    drawing.arrow((320, 436), (320, 466))
    drawing.text(332, 456, "gate aᵢ, from 0 to 1", "small", "soft", anchor="start")
    drawing.layer(300, 468, 40, 28, TIMES)
    beside = 30 + (NODE + 0.5) * CELL
    drawing.arrow((14, beside), (6, beside), (6, 482), (300, 482))
    drawing.text(150, 474, "the node itself, xᵢ", "small", "soft")
    drawing.arrow((340, 482), (400, 482))
    drawing.text(430, 487, "aᵢ xᵢ", "strong")
    drawing.text(240, 528, "All nodes share these layers; each has its own relation vector.", "small", "soft")
