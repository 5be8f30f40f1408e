"""Forest plots and learning curves of seeds: their values, their ranges, and the same SVG each time."""

import re
import xml.etree.ElementTree as ET

import pytest

from rga.errors import InputError
from rga.reports.forest import ABOVE, BELOW, UNCLEAR, Forest, ForestRow
from rga.reports.plotting import digest_of
from rga.reports.seed_curves import LOOKS, Plot, SeedCurve, SeedCurves

CLEAR = ForestRow("RGA-SC", 2.5, 1.0, 4.0, (2.0, 3.0))
WORSE = ForestRow("SE", -1.5, -2.0, -1.0, (-1.4, -1.6))
AROUND = ForestRow("NL", 0.5, -1.0, 2.0, (0.0, 1.0))
ALONE = ForestRow("one seed", 1.0, None, None, (1.0,))


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_a_forest_plot_says_each_row_in_words() -> None:
    svg = Forest((CLEAR, WORSE, AROUND, ALONE), "mAP minus plain").draw()
    written = texts(svg)
    assert {"RGA-SC", "SE", "NL", "one seed", "mAP minus plain"} <= set(written)
    assert "+2.5 [+1.0, +4.0]  n = 2" in written
    assert "\N{MINUS SIGN}1.5 [\N{MINUS SIGN}2.0, \N{MINUS SIGN}1.0]  n = 2" in written
    assert "+1.0  n = 1" in written
    assert 'style="fill: #ffffff"' in svg  # on a dark page, too


@pytest.mark.parametrize(("row", "colour"), [(CLEAR, ABOVE), (WORSE, BELOW), (AROUND, UNCLEAR), (ALONE, UNCLEAR)])
def test_the_side_of_zero_is_seen_by_colour_and_by_filling(row: ForestRow, colour: str) -> None:
    svg = Forest((row,), "mAP").draw()
    others = {ABOVE, BELOW, UNCLEAR} - {colour}
    assert colour in svg
    assert not any(other in svg for other in others)
    assert (f"fill: #ffffff; stroke: {colour}" in svg) == (not row.clear)


def test_a_row_far_off_leaves_the_others_readable() -> None:
    far = ForestRow("gates from .5", -40.0, -42.0, -38.0, (-41.0, -39.0))
    left, right = Forest((CLEAR, AROUND, ALONE, far), "mAP").x_range()
    assert -3 < left < -1
    assert 4 < right < 5
    assert "\N{MINUS SIGN}40.0" in " ".join(texts(Forest((CLEAR, AROUND, ALONE, far), "mAP").draw()))
    left, right = Forest((CLEAR, far), "mAP").x_range()  # no row is the usual one
    assert left < -42
    assert right > 4


def test_figures_are_the_same_each_time_and_say_what_they_were_drawn_from() -> None:
    first, again = (Forest((CLEAR, AROUND), "mAP") for _ in range(2))
    assert first.draw() == again.draw()
    assert f"<dc:description>drawn from {digest_of(first.drawn)}</dc:description>" in first.draw()
    assert digest_of(first.drawn) != digest_of(Forest((CLEAR, WORSE), "mAP").drawn)
    assert not re.search(r"20\d\d-\d\d-\d\dT", first.draw())  # no date


def curve(name: str, scale: float) -> SeedCurve:
    return SeedCurve(name, (10, 20, 30), ((scale, 2 * scale), (3 * scale,), (2 * scale, 4 * scale)))


def test_learning_curves_have_one_legend_and_say_where_they_end() -> None:
    figure = SeedCurves(
        (Plot("training loss", "loss", (curve("plain", 1), curve("RGA-SC", 2))), Plot("mAP", "mAP (%)", (curve("plain", 5),)))
    )
    svg = figure.draw()
    assert texts(svg).count("plain") == 1
    assert {"plain", "RGA-SC", "training loss", "mAP (%)", "step"} <= set(texts(svg))
    assert figure.alternative == "training loss by step, at the end plain 3.0, RGA-SC 6.0; mAP by step, at the end plain 15.0"
    assert svg == figure.draw()
    assert svg.count("FillBetweenPolyCollection") == 3  # a band for each curve


def test_a_curve_without_steps_keeps_its_look_and_is_not_drawn() -> None:
    svg = SeedCurves((Plot("loss", "loss", (SeedCurve("plain", (), ()), curve("RGA-SC", 1))),)).draw()
    assert "plain" not in texts(svg)
    assert LOOKS[1][0] in svg
    assert LOOKS[0][0] not in svg


def test_figures_of_nothing_and_of_too_much_are_errors() -> None:
    with pytest.raises(InputError, match="nothing to draw"):
        Forest((), "mAP")
    with pytest.raises(InputError, match="nothing to draw"):
        SeedCurves((Plot("loss", "loss", (SeedCurve("plain", (), ()),)),))
    with pytest.raises(InputError, match="loss has 9 curves: choose at most 8"):
        SeedCurves((Plot("loss", "loss", tuple(curve(str(number), 1) for number in range(9))),))


def test_numbers_in_labels_are_written_as_they_are() -> None:
    row = ForestRow("plain, lr 0.001", 2.5, 1.0, 4.0, (2.0, 3.0))
    assert "plain, lr 0.001" in texts(Forest((row,), "mAP at 0.125").draw())
    assert "mAP at 0.125" in texts(Forest((row,), "mAP at 0.125").draw())
    assert not re.search(r' d="[^"]*\.\d{3}', Forest((row,), "mAP").draw())  # lines are in hundredths of a point
