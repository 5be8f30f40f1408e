"""The curves of both trainings, and how they were trained."""

from __future__ import annotations

from rga.reports.report import Figure, Paragraph, Section

COMPARED = (
    "The two trainings differ only in the attention. One training of each network is too little evidence to judge small differences "
    "between them."
)


def section(curves: bytes, metric: str, samples: str, recipe: str) -> Section:
    """The curves and a paragraph.

    Args:
        curves: PNG with the loss and the metric of both runs by epoch.
        metric: name of the metric.
        samples: what a batch holds: "images", "crops".
        recipe: the recipe in a sentence, with its full stop.
    """
    return Section(
        "Training",
        (
            Figure(
                curves,
                f"curves of the training loss and of the {metric} of both trainings, by epoch",
                f"Both trainings see the same {samples} in the same batches.",
            ),
            Paragraph(f"{recipe} {COMPARED}"),
        ),
    )
