"""Recorded runs as tables: pairs, missing seeds, the paper's figures, and what must not be compared."""

import io

import pytest
from recorded import PLAIN_VALUES, by_key, people, recorded

from rga.errors import InputError
from rga.study.results.columns import cells, markdown_table, terminal_table
from rga.study.results.comparison import compare, compare_in
from rga.study.settings import PEOPLE, SETTINGS
from rga.study.tables import TABLES
from rga.terminal import PlainConsole


def test_each_variant_is_compared_with_the_plain_network_by_seed() -> None:
    plain = [recorded("people", "plain", seed, value) for seed, value in enumerate((0.70, 0.60, 0.80))]
    better = [recorded("people", "rga-sc", seed, value) for seed, value in ((2, 0.84), (0, 0.72), (1, 0.63), (9, 0.61))]
    (found,) = (each for each in compare(TABLES["datasets"].blocks, by_key(*plain, *better)) if each.setting.name == "people")
    ours, theirs = found.rows[1].metrics[0], found.rows[0].metrics[0]
    assert theirs.difference is None
    assert ours.difference is not None
    assert ours.spread is not None
    assert [seed for seed, _ in ours.difference.by_seed] == [0, 1, 2]
    assert [difference for _, difference in ours.difference.by_seed] == pytest.approx([0.02, 0.03, 0.04])
    assert ours.difference.unpaired == 1
    assert ours.spread.n == 4
    heads, rows = cells(found)
    assert heads == (
        *("variant", "seeds", "mAP", "mAP: difference [95 %]", "R1", "R1: difference [95 %]", "parameters (M)", "MAC (G)", "s a step"),
    )
    assert rows[0] == ("plain", "3 of 5", "70.0 ± 10.0", "", "80.0 ± 10.0", "", "4.90", "0.13", "0.61")
    assert rows[1][:4] == ("RGA-SC", "4 of 5", "70.0 ± 10.5", "+3.0 [+0.5, +5.5], 3 pairs")


def test_what_was_not_run_says_so() -> None:
    (found, *_) = compare(TABLES["attentions"].blocks, by_key(recorded("people", "plain", 0, 0.7), recorded("people", "se", 1, 0.7)))
    _, rows = cells(found)
    assert rows[1] == ("SE", "1 of 5", "70.0", "no pair", "80.0", "no pair", "4.90", "0.13", "0.61")
    assert rows[2] == ("CBAM-CS", "0 of 5", "not run", "", "not run", "", "", "", "")


def test_the_papers_figures_stand_beside_where_data_and_protocol_match() -> None:
    runs = by_key(recorded("cuhk03-labeled", "plain", 0, 0.7), recorded("people", "plain", 0, 0.7))
    found = {each.setting.name: cells(each) for each in compare(TABLES["datasets"].blocks, runs)}
    heads, rows = found["cuhk03-labeled"]
    assert heads[-2:] == ("mAP, paper", "R1, paper")
    assert [row[-2:] for row in rows] == [("69.0", "73.8"), ("77.4 (+8.4)", "81.1 (+7.3)")]
    assert "paper" not in "".join(found["people"][0])


def test_a_table_asks_for_the_largest_number_of_seeds_of_its_blocks() -> None:
    (found, *_) = compare(TABLES["ablation"].blocks, {})
    assert {row.variant.name: row.planned for row in found.rows}["rga-sc"] == 5
    assert {row.variant.name: row.planned for row in found.rows}["rga-cs"] == 3
    assert found.runs == ()


def test_steps_on_several_devices_are_told_apart() -> None:
    machine = {**recorded("people", "plain", 0, 0.7).machine, "device": "a GPU"}
    runs = (
        recorded("people", "plain", 0, 0.7, step_seconds=0.5),
        recorded("people", "plain", 1, 0.7, step_seconds=0.7),
        recorded("people", "plain", 2, 0.7, step_seconds=0.02, machine=machine),
        recorded("people", "plain", 3, 0.7, step_seconds=None),
    )
    _, rows = cells(compare_in(SETTINGS["people"], {"plain": 4}, by_key(*runs)))
    assert rows[0][-1] == "0.02 (a GPU), 0.60 (cpu)"


def test_generated_data_of_several_cpus_are_the_same_data() -> None:
    (first, second), *_ = PEOPLE.fingerprints
    runs = [
        recorded("people", variant, 0, 0.7, data={"name": "market1501", "fingerprint": fingerprint, "samples": 1})
        for variant, fingerprint in (("plain", first), ("rga-sc", second))
    ]
    (found, *_) = compare(TABLES["datasets"].blocks, by_key(*runs))
    assert len(found.runs) == 2
    assert (PEOPLE.same(second), PEOPLE.same("ffff")) == (first, "ffff")


def test_runs_that_must_not_be_compared_are_an_error() -> None:
    plain = recorded("people", "plain", 0, 0.7)
    other_data = recorded("people", "rga-sc", 0, 0.7, data={"name": "market1501", "fingerprint": "ffff", "samples": 1})
    with pytest.raises(InputError, match=r"people had different data \(plain with seed 0 on 0123abcd, rga-sc with seed 0 on ffff\)"):
        compare(TABLES["datasets"].blocks, by_key(plain, other_data))
    with pytest.raises(InputError, match=r"plain in people were of different models \(7 parameters and 130,000,000 multiply"):
        compare(TABLES["datasets"].blocks, by_key(plain, recorded("people", "plain", 1, 0.7, parameters=7)))
    with pytest.raises(InputError, match="plain with seed 0 of people has no mAP_pooled: it has mAP_neck"):
        compare(TABLES["datasets"].blocks, by_key(recorded("people", "plain", 0, 0.7, metrics={"mAP_neck": 0.5})))


def test_the_terminal_shows_the_same_cells_in_80_columns() -> None:
    (found, *_) = compare(TABLES["ablation"].blocks, by_key(*people()))
    console = PlainConsole()
    console.file, console.width, console.record = io.StringIO(), 80, True
    console.print(terminal_table(found))
    lines = console.export_text().splitlines()
    assert lines[0].strip() == found.setting.title
    assert lines[1].split() == ["variant", "seeds", "mAP", "difference", "[95", "%]", "R1", "M", "GMAC", "s/step"]
    assert "RGA-SC 5 73.1 ± 1.3 +2.9 [+2.0, +3.8] 83.1 ± 1.3 4.90 0.13 0.61" in [" ".join(line.split()) for line in lines]
    heads, rows = cells(found)
    assert markdown_table(heads, rows).count("\n") == 1 + len(rows)
    assert f"{100 * sum(PLAIN_VALUES) / 5:.1f}" in "".join(lines)
