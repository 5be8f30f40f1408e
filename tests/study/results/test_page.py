"""The page of results: the committed one is what the recorded runs say, and a page of made-up runs says what they do."""

import re
from pathlib import Path

import matplotlib as mpl
import pytest
from recorded import GAINS, by_key, people, recorded, write

from rga.errors import InputError
from rga.reports.plotting import digest_of
from rga.study.evidence import Evidence
from rga.study.results.__main__ import main
from rga.study.results.groups import contrasts, gains_by_group
from rga.study.results.page import FOLDER, Page, make_page
from rga.study.results.readme import BEGIN, END, with_results

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "results.md"
FIGURES = PAGE.parent / FOLDER


@pytest.fixture(scope="module")
def committed() -> Page:
    """The page as the recorded runs in the repository make it."""
    return make_page(ROOT / "evidence", FIGURES)


def test_the_page_in_the_repository_is_what_the_recorded_runs_say(committed: Page) -> None:
    assert PAGE.read_text(encoding="utf-8") == committed.text, "write it again: python -m rga.study.results"


def test_the_readme_has_the_main_table(committed: Page) -> None:
    readme = ROOT / "README.md"
    assert readme.read_text(encoding="utf-8") == with_results(readme, committed.main), "write it again: python -m rga.study.results"


def test_the_figures_in_the_repository_are_drawn_from_the_recorded_runs(committed: Page) -> None:
    found = {path.name: path.read_text(encoding="utf-8") for path in FIGURES.glob("*.svg")}
    assert set(found) == set(committed.figures)
    for name, figure in committed.figures.items():
        assert f"drawn from {digest_of(figure.drawn)}" in found[name], f"{name} is old: python -m rga.study.results"


@pytest.mark.slow
def test_the_figures_in_the_repository_are_drawn_as_they_are_drawn_now(committed: Page) -> None:
    for name, figure in committed.figures.items():
        text = (FIGURES / name).read_text(encoding="utf-8")
        if f"Matplotlib v{mpl.__version__}," in text:  # other versions may encode the same figure in another way
            assert text == figure.draw()


def test_a_page_of_some_runs(tmp_path: Path) -> None:
    evidence = write(tmp_path / "evidence", *people(), recorded("camvid", "plain", 0, 0.4, curve=()))
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "summary.md").write_text("RGA-SC: {{ gain('people', 'rga-sc') }}.\n")
    (tmp_path / "results" / "gates.md").write_text("From .5 it loses {{ difference('people', 'rga-sc-from-50') }}.\n")
    page = make_page(evidence, tmp_path / "results")
    assert page.text.startswith("# Results\n\nRGA-SC: +2.9 [+2.0, +3.8].\n\n31 runs, 3.7 hours of training in all.")
    assert "| generated people | mAP | 70.2 ± 0.9 | 73.1 ± 1.3 | +2.9 [+2.0, +3.8] | 5 |" in page.text
    assert "| RGA-S w/o Rel. | 0 of 3 | not run |" in page.text
    assert "Does the start of the gates decide?\n\nFrom .5 it loses -42.0.\n" in page.text
    assert "- Market-1501: `rga reproduce ablation --scale full --data market1501:DIR`" in page.text
    assert "| RGA-SC | 77.4 (+8.4) | 81.1 (+7.3) |" in page.text  # the paper's figures
    assert "| generated people | `people` | minutes | `0123abcd` | 2,400 | 648 | 30 | 3.6 |" in page.text
    assert "| generated people | plain | mAP 0: 70.00, 1: 69.00, 2: 71.50, 3: 70.50, 4: 69.80 | 0.60 | 2026-11-26 |" in page.text
    assert "`image_size=[96, 48]`" in page.text
    assert "attention=" not in page.text  # a field of the variants
    assert "| plain | 1 of 5 | 40.0 |" in page.text
    assert "\n\n\n" not in page.text
    shown = re.findall(r"!\[(.*?)\]\(results/(.*?)\)", page.text)
    assert sorted(file for _, file in shown) == sorted(page.figures)
    assert {"ablation-people-differences.svg", "ablation-people-curves.svg"} <= set(page.figures)
    assert not any("camvid" in file for file in page.figures)  # a single variant, without a curve
    assert {file: text for text, file in shown}["gates-people-differences.svg"].endswith(
        "RGA-SC, gates from .5 −42.0 [−44.0, −40.0], n = 5; RGA-SC +2.9 [+2.0, +3.8], n = 5"  # noqa: RUF001  signs
    )


def test_a_page_without_runs_says_so(tmp_path: Path) -> None:
    page = make_page(tmp_path, tmp_path)
    assert page.figures == {}
    assert page.text.startswith("# Results\n\nNo run is recorded yet.")
    assert "## All runs" not in page.text
    assert "- CamVid: `rga reproduce segmentation --scale laptop --data camvid:DIR`" in page.text


def test_runs_of_an_earlier_form_of_a_setting_do_not_count(tmp_path: Path) -> None:
    runs = people({})
    earlier = recorded("people", "rga-sc", 0, 0.9, recipe={**recorded("people", "rga-sc", 0, 0.9).recipe, "epochs": 3})
    page = make_page(write(tmp_path, *runs, earlier), tmp_path)
    assert "5 runs, 0.6 hours" in page.text
    assert "1 other recorded run belongs to an earlier form of a setting" in page.text
    assert "90.0" not in page.text


def test_groups_of_test_images(tmp_path: Path) -> None:
    def groups(occluded: float, others: float) -> dict[str, dict[str, float]]:
        return {"occluded": {"mAP": occluded, "R1": 0.1, "queries": 1200}, "not occluded": {"mAP": others, "R1": 0.1, "queries": 30}}

    runs = [recorded("people", "plain", seed, 0.7, conditions=groups(0.5, 0.7)) for seed in range(3)]
    runs += [recorded("people", "rga-sc", seed, 0.7, conditions=groups(0.53 + 0.01 * seed, 0.7 + 0.01 * seed)) for seed in range(3)]
    runs += [recorded("people", "se", 0, 0.7), recorded("people", "rga-sc", 3, 0.7)]
    found = gains_by_group(by_key(*runs), "people")
    assert [(gain.name, gain.metric) for gain in found] == [("occluded (1,200 queries)", "mAP"), ("not occluded (30 queries)", "mAP")]
    assert found[0].plain is not None
    assert found[0].plain.mean == pytest.approx(0.5)
    ((name, difference),) = contrasts(by_key(*runs), "people")
    assert name == "occluded - not occluded"
    assert [each for _, each in difference.by_seed] == pytest.approx([0.03, 0.03, 0.03])
    page = make_page(write(tmp_path, *runs), tmp_path)
    assert "| not occluded (30 queries) | mAP | 70.0 ± 0.0 | 71.0 ± 1.0 | +1.0 [-1.5, +3.5] | 3 |" in page.text
    assert "| occluded - not occluded | +3.0 [+3.0, +3.0] | 3 |" in page.text
    assert "groups-people.svg" in page.figures


def test_a_paragraph_that_belongs_nowhere_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "gate.md").write_text("It decides.")
    with pytest.raises(InputError, match=r"gate\.md belongs to no part of the page: .*gates"):
        make_page(tmp_path, tmp_path)


def test_the_command_writes_the_page_and_removes_old_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gains = {"plain": 0.0, "rga-sc-from-50": -0.1, "rga-sc": 0.02}
    write(tmp_path / "evidence", *[recorded("people-x2", name, seed, 0.7 + gain) for name, gain in gains.items() for seed in range(2)])
    write(tmp_path / "evidence", *[recorded("digits", name, seed, 0.9, curve=()) for name in ("plain", "rga-sc") for seed in range(2)])
    folder = tmp_path / "docs" / "results"
    folder.mkdir(parents=True)
    (folder / "old.svg").write_text("<svg/>")
    (folder / "summary.md").write_text("Yes.")
    (tmp_path / "README.md").write_text(f"# A\n\n{BEGIN}\nold\n{END}\n\nMore.\n")
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    readme = (tmp_path / "README.md").read_text()
    assert readme == f"# A\n\n{BEGIN}\n{make_page(tmp_path / 'evidence', folder).main}\n{END}\n\nMore.\n"
    assert readme.count("| handwritten digits | top-1 | 90.0 ± 0.0 | 90.0 ± 0.0 | +0.0 [+0.0, +0.0] | 2 |") == 1
    assert "2x the epochs" not in readme  # not one of the main tables
    page = make_page(tmp_path / "evidence", folder)
    assert (tmp_path / "docs" / "results.md").read_text(encoding="utf-8") == page.text
    assert {path.name for path in folder.iterdir()} == {"summary.md", *page.figures}
    assert set(page.figures) == {"steps-people-x2-differences.svg", "steps-people-x2-curves.svg"}
    assert capsys.readouterr().out.strip() == "docs/results.md and 2 figures"
    name = "steps-people-x2-differences.svg"
    assert (folder / name).read_text(encoding="utf-8") == page.figures[name].draw()  # the same at another time
    (folder / "summary.md").write_text("{{ no }}")
    assert main(["--page", "docs/results.md", "--skip-readme"]) == 1
    assert capsys.readouterr().err.strip() == "rga: error: docs/results/summary.md: 'no' is undefined"


@pytest.mark.parametrize("text", ["", f"{BEGIN}", f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_readme_without_a_place_for_results_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(InputError, match=r"README\.md must have the lines"):
        with_results(tmp_path / "README.md", "table")


def test_a_readme_that_is_not_there_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--page", str(tmp_path / "p.md"), "--readme", str(tmp_path / "R.md")]) == 1
    assert "R.md is not there" in capsys.readouterr().err


def test_the_evidence_in_the_repository_can_be_read() -> None:
    for path in (ROOT / "evidence").glob("*.jsonl"):
        assert Evidence(path.parent).runs(path.stem)


def test_a_comparison_does_not_show_the_curves_of_others_alone(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    runs = people({"rga-sc": GAINS["rga-sc"]})
    two = make_page(write(tmp_path / "two", *runs), tmp_path / "results").figures
    assert "datasets-people-curves.svg" in two
    assert "ablation-people-curves.svg" not in two
    three = make_page(write(tmp_path / "three", *runs, recorded("people", "rga-s", 0, 0.71)), tmp_path / "results").figures
    assert "ablation-people-curves.svg" in three
    assert "attentions-people-curves.svg" not in three
