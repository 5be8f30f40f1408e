"""Where attention goes in a ResNet-50: after each of the four stages."""

from __future__ import annotations

from diagrams.svg import TIMES, Drawing

STAGES = (("layer1", 256, (64, 32)), ("layer2", 512, (32, 16)), ("layer3", 1024, (16, 8)), ("layer4", 2048, (16, 8)))
"""Stage, channels, and grid for an image of 256x128 with last stride 1."""


def stages() -> str:
    """The drawing."""
    drawing = Drawing(480, 430, "RGA-SC after each of the four stages of a ResNet-50")
    drawing.text(86, 22, "image 256x128", "small", "soft")
    drawing.arrow((86, 28), (86, 48))
    drawing.layer(26, 50, 120, 30, "stem")
    for number, (name, channels, (height, width)) in enumerate(STAGES):
        y = 104 + number * 72
        if number == 0:
            drawing.arrow((86, 80), (86, y))
        drawing.layer(26, y, 120, 30, name)
        drawing.arrow((146, y + 15), (182, y + 15))
        drawing.box(184, y, 44, 30, "rows", radius=5)
        drawing.text(206, y - 5, "RGA-S", "small", "rows")
        drawing.arrow((228, y + 15), (252, y + 15))
        drawing.box(254, y, 44, 30, "columns", radius=5)
        drawing.text(276, y - 5, "RGA-C", "small", "columns")
        drawing.text(312, y + 13, f"{channels} channels", "small", anchor="start")
        drawing.text(312, y + 28, f"{height} {TIMES} {width} positions", "small", "soft", anchor="start")
        if number < len(STAGES) - 1:
            drawing.arrow((276, y + 30), (276, y + 50), (86, y + 50), (86, y + 72))
        else:
            drawing.arrow((276, y + 30), (276, 388))
    drawing.text(276, 406, "pooling, then the head of the task", "small", "soft")
    return str(drawing)
