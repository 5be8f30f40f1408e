"""A drawing in SVG: boxes, grids, arrows and words, in colours that follow the light or dark mode of the page."""

from __future__ import annotations

from html import escape

TIMES = "\N{MULTIPLICATION SIGN}"

STYLE = """
  svg { --ink: #1f2328; --soft: #59636e; --line: #7d8590; --fill: #f1f4f8; --rows: #0b5fc1; --columns: #b8430c; --own: #1a7336 }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --soft: #a4adb8; --line: #7d8590; --fill: #20262f; --rows: #6cb2ff; --columns: #ffa266; --own: #5ccf7d }
  }
  text { font: 14px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: var(--ink) }
  .small { font-size: 12px } .strong { font-weight: 600 } .soft { fill: var(--soft) }
  .rows { fill: var(--rows) } .columns { fill: var(--columns) } .own { fill: var(--own) }
  rect, path { fill: none; stroke: var(--line); stroke-width: 1.2 }
  rect.paper { fill: var(--fill) }
  rect.rows, rect.columns, rect.own { stroke: none; fill-opacity: .85 }
  path.head { fill: var(--line); stroke: none }
"""


class Drawing:
    """A drawing of a width and height in pixels, at most 480 wide: so its words can be read on a phone.

    Args:
        width: in pixels.
        height: in pixels.
        title: what the drawing shows, for those who do not see it.
    """

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.parts: list[str] = []

    def text(self, x: float, y: float, words: str, *kinds: str, anchor: str = "middle") -> None:
        """Words with their baseline at y; kinds are classes of the style, such as small or rows."""
        classes = f' class="{" ".join(kinds)}"' if kinds else ""
        self.parts.append(f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{classes}>{escape(words)}</text>')

    def box(self, x: float, y: float, width: float, height: float, kind: str = "paper", *, radius: float = 0) -> None:
        """A rectangle."""
        rounded = f' rx="{radius:g}"' if radius else ""
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"{rounded} class="{kind}"/>')

    def layer(self, x: float, y: float, width: float, height: float, words: str, *kinds: str) -> None:
        """A box with words in its middle: a layer of a network."""
        self.box(x, y, width, height, radius=5)
        self.text(x + width / 2, y + height / 2 + 5, words, *kinds)

    def grid(self, x: float, y: float, rows: int, columns: int, cell: float) -> None:
        """A grid of square cells."""
        self.box(x, y, columns * cell, rows * cell)
        lines = [f"M{x:g} {y + row * cell:g}h{columns * cell:g}" for row in range(1, rows)]
        lines += [f"M{x + column * cell:g} {y:g}v{rows * cell:g}" for column in range(1, columns)]
        self.parts.append(f'<path d="{"".join(lines)}"/>')

    def arrow(self, *points: tuple[float, float]) -> None:
        """A line through points, with a head at its end; the last piece is level or upright."""
        (x0, y0), (x1, y1) = points[-2:]
        across, down = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
        line = "L".join(f"{x:g} {y:g}" for x, y in (*points[:-1], (x1 - 5 * across, y1 - 5 * down)))
        left = f"{x1 - 7 * across - 4 * down:g} {y1 - 7 * down - 4 * across:g}"
        right = f"{x1 - 7 * across + 4 * down:g} {y1 - 7 * down + 4 * across:g}"
        self.parts.append(f'<path d="M{line}"/><path class="head" d="M{x1:g} {y1:g}L{left}L{right}z"/>')

    def __str__(self) -> str:
        size = f'viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<title>{escape(self.title)}</title>\n<style>{STYLE}</style>'
        return "\n".join([head, *self.parts, "</svg>", ""])
