"""Why the affinity need not be built: varphi's linear map can be applied to phi and theta first. Sides are drawn to one scale."""

from __future__ import annotations

from diagrams.svg import TIMES, Drawing

M, WIDTH, EMBEDDED = 112, 18, 26
"""Drawn lengths of M nodes, of the M/s1 outputs of varphi, and of the D/s1 features of theta and phi."""


def factorised() -> str:
    """The drawing."""
    drawing = Drawing(480, 400, "varphi on the affinity, and the same with two small matrices")
    drawing.text(14, 22, "As the equations say: the affinity of all pairs", "strong", anchor="start")
    product(drawing, 20, 40, (("Θ", M, EMBEDDED, ""), ("Φᵀ", EMBEDDED, M, ""), ("R", M, M, "columns")))
    drawing.text(20, 184, f"M {TIMES} M numbers for each image, and each of them twice in varphi", "small", "soft", anchor="start")
    drawing.text(14, 224, "As rga computes: W meets Φ first", "strong", anchor="start")
    product(drawing, 20, 248, (("W", WIDTH, M, ""), ("Φ", M, EMBEDDED, ""), ("W Φ", WIDTH, EMBEDDED, "own")))
    drawing.text(20, 386, f"M/s₁ {TIMES} D/s₁ numbers: nothing of size M {TIMES} M is ever there", "small", "soft", anchor="start")
    return str(drawing)


def product(drawing: Drawing, left: float, top: float, factors: tuple[tuple[str, float, float, str], ...]) -> None:
    """Two matrices and their product, each (name, height, width, colour), their middles on one line."""
    x = left
    for number, (name, height, width, kind) in enumerate(factors):
        y = top + (M - height) / 2
        drawing.box(x, y, width, height)
        if kind:
            drawing.box(x, y, width, height, kind)
        if min(height, width) > WIDTH:
            drawing.text(x + width / 2, y + height / 2 + 5, name, "strong")
        else:
            drawing.text(x + width / 2, y - 6, name, "strong")
        x += width + 18
        if number < len(factors) - 1:
            drawing.text(x, top + M / 2 + 5, "·" if number == 0 else "=", "strong")
        x += 18
