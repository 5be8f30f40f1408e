"""Placeholders in paragraphs: what they say, and what is an error."""

from pathlib import Path

import pytest
from recorded import by_key, people, recorded

from rga.errors import InputError
from rga.study.results.prose import Prose


def filled(tmp_path: Path, text: str, *more: object) -> str:
    path = tmp_path / "ablation.md"
    path.write_text(text, encoding="utf-8")
    groups = {"occluded": {"mAP": 0.5}, "others": {"mAP": 0.7}}
    runs = [recorded("digits", "plain", 0, 0.9), recorded("digits", "rga-sc", 0, 0.91)]
    runs += [recorded("people-x2", "plain", seed, 0.7, conditions=groups) for seed in range(2)]
    runs += [
        recorded("people-x2", "rga-sc", seed, 0.7, conditions={"occluded": {"mAP": 0.52}, "others": {"mAP": 0.71}}) for seed in range(2)
    ]
    return Prose(by_key(*people(), *runs)).fill(path)


@pytest.mark.parametrize(
    ("placeholder", "text"),
    [
        ('mean("people", "plain")', "70.2"),
        ('mean("people", "plain", "R1_pooled")', "80.2"),
        ('spread("people", "plain")', "70.2 ± 0.9"),
        ('difference("people", "rga-sc")', "+2.9"),
        ('interval("people", "rga-sc")', "[+2.0, +3.8]"),
        ('gain("people", "rga-sc")', "+2.9 [+2.0, +3.8]"),
        ('difference("people", "rga-sc", against="se")', "+4.4"),
        ('verdict("people", "rga-sc")', "above zero"),
        ('verdict("people", "se")', "below zero"),
        ('verdict("people", "rga-c")', "around zero"),
        ('verdict("digits", "rga-sc")', "one seed"),
        ('claim("people", "rga-sc")', "holds here"),
        ('claim("people", "rga-c")', "not shown here"),
        ('claim("people", "rga-s", against="rga-sc")', "the opposite here"),
        ('claim("digits", "rga-sc")', "one seed"),
        ('claim("camvid", "rga-sc")', "not run"),
        ('interval("digits", "rga-sc")', "one seed"),
        ('gain("digits", "rga-sc")', "+1.0 (one seed)"),
        ('seeds("people", "rga-sc")', "5"),
        ('pairs("people", "rga-sc")', "5"),
        ('condition("people-x2", "rga-sc", "occluded")', "+2.0 [+2.0, +2.0]"),
        ('contrast("people-x2", "rga-sc", "occluded", "others")', "+1.0 [+1.0, +1.0]"),
        ('runs("people")', "30"),
        ("runs()", "36"),
        ('hours("people")', "3.6"),
        *((f'{name}("camvid", "rga-sc")', "not run") for name in ("mean", "spread", "difference", "interval", "gain", "verdict")),
        ('seeds("camvid", "rga-sc")', "0"),
    ],
)
def test_placeholders(tmp_path: Path, placeholder: str, text: str) -> None:
    assert filled(tmp_path, f"It is {{{{ {placeholder} }}}}.\n\n") == f"It is {text}."


@pytest.mark.parametrize(
    ("placeholder", "error"),
    [
        ('gains("people", "rga-sc")', "'gains' is undefined"),
        ('gain("peple", "rga-sc")', "unknown setting 'peple': did you mean people"),
        ('gain("people", "rga-cs2")', "unknown variant 'rga-cs2': did you mean rga-cs"),
        ('gain("people", "rga-sc", against="sse")', "unknown variant 'sse'"),
        ('gain("people", "rga-sc", "mIoU")', "has no mIoU: it has mAP_pooled, R1_pooled"),
        ('gain("people")', "missing 1 required positional argument"),
        ('condition("people-x2", "rga-sc", "ocluded")', "no group 'ocluded': did you mean occluded"),
        ("runs(", "unexpected"),
        ('hours("nowhere")', "unknown setting 'nowhere'"),
    ],
)
def test_a_wrong_placeholder_is_an_error_that_names_the_file(tmp_path: Path, placeholder: str, error: str) -> None:
    with pytest.raises(InputError, match=rf"ablation\.md: .*{error}"):
        filled(tmp_path, f"{{{{ {placeholder} }}}}")


def test_conditions_let_a_sentence_follow_the_numbers(tmp_path: Path) -> None:
    text = 'It {% if verdict("people", "rga-sc") == "above zero" %}helps{% else %}was not seen to help{% endif %}.'
    assert filled(tmp_path, text) == "It helps."
