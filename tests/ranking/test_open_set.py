"""Open-set identification against a loop written from the definitions; thresholds, and how they are kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import rga
from rga.ranking.open_set.calibration import calibrate, save_threshold
from rga.ranking.open_set.open_set import OpenSetResult
from rga.ranking.open_set.threshold import Threshold
from rga.reid import evaluate_open_set, row_distances, split_identities
from rga.reid.model import ReidModel

Floats = npt.NDArray[np.float64]


def labelled_distances(seed: int, queries: int = 40, gallery: int = 60) -> tuple[Floats, list[Any]]:
    """Distances with many ties that are smaller where identities agree, and labels with junk and distractors."""
    generator = np.random.default_rng(seed)
    ids, gallery_ids = generator.integers(1, 9, queries), generator.integers(-1, 9, gallery)
    distances = generator.integers(1, 20, (queries, gallery)) - 5 * (ids[:, None] == gallery_ids)
    return distances / 8, [ids, generator.integers(1, 4, queries), gallery_ids, generator.integers(1, 4, gallery)]


def naive(distances: Floats, labels: list[Any], unknown: set[int], rank: int) -> tuple[list[float], list[float]]:
    """The deciding distances of known and unknown queries, one query at a time."""
    known_found, unknown_found = [], []
    ids, cameras, gallery_ids, gallery_cameras = labels
    for row, identity, camera in zip(distances, ids, cameras, strict=True):
        seen = [
            (row[index], index)
            for index in range(len(row))
            if gallery_ids[index] != -1
            and gallery_ids[index] not in unknown
            and not (gallery_ids[index] == identity and gallery_cameras[index] == camera)
        ]
        seen.sort()
        if identity in unknown:
            unknown_found.append(seen[0][0])
            continue
        people: list[Any] = []  # in the order in which the first image of each appears; a distractor is a person of its own
        for _, index in seen:
            person = gallery_ids[index] or f"distractor {index}"
            people += [person] if person not in people else []
        if identity in people:
            nearest = next(distance for distance, index in seen if gallery_ids[index] == identity)
            known_found.append(nearest if people.index(identity) < rank else np.inf)
    return known_found, unknown_found


@given(seed=st.integers(0, 999), rank=st.integers(1, 4), block=st.sampled_from([None, 1, 7]), threshold=st.floats(-1, 3))
@settings(max_examples=40)
def test_rates_are_those_of_the_definitions(seed: int, rank: int, block: int | None, threshold: float) -> None:
    distances, labels = labelled_distances(seed)
    _, unknown = split_identities(labels[0].tolist(), 0.4, seed)
    expected_known, expected_unknown = naive(distances, labels, set(unknown), rank)
    result = evaluate_open_set(distances, *labels, unknown=unknown, rank=rank, block=block)
    assert result.known.tolist() == expected_known
    assert result.unknown.tolist() == expected_unknown
    assert len(result.known) + len(result.unknown) + result.queries_without_match == len(distances)
    assert result.fpir(threshold) == np.mean([found <= threshold for found in expected_unknown])
    assert result.tpir(threshold) == np.mean([found <= threshold for found in expected_known])
    assert result.fnir(threshold) == 1 - result.tpir(threshold)


@given(seed=st.integers(0, 999), rate=st.floats(0, 0.99))
@settings(max_examples=40)
def test_the_threshold_is_the_greatest_that_keeps_the_rate(seed: int, rate: float) -> None:
    distances, labels = labelled_distances(seed)
    result = evaluate_open_set(distances, *labels, unknown=split_identities(labels[0].tolist(), 0.4, seed)[1])
    threshold = result.threshold_at(rate)
    assert result.fpir(threshold) <= rate * (1 + 1e-12)
    assert result.fpir(np.nextafter(threshold, np.inf)) > rate
    assert result.identification_rate_at(rate) == result.tpir(threshold)
    thresholds, fpir, tpir = result.curve()
    assert fpir.tolist() == [result.fpir(each) for each in thresholds]
    assert tpir.tolist() == [result.tpir(each) for each in thresholds]
    assert (np.diff(fpir) >= 0).all()
    assert (np.diff(tpir) >= 0).all()


def test_a_rank_counts_people_and_not_their_images() -> None:
    distances = np.array([[0.1, 0.2, 0.3, 0.4, 0.9], [0.5, 0.5, 0.5, 0.5, 0.5]])  # three images of 1 come before that of 2
    gallery = [1, 1, 1, 2, 4]
    found = [evaluate_open_set(distances, [2, 3], None, gallery, None, unknown={3}, rank=rank).tpir(1.0) for rank in (1, 2)]
    assert found == [0.0, 1.0]
    distractors = [0, 0, 1, 2, 4]  # two images of whoever they are, and one of 1
    found = [evaluate_open_set(distances, [2, 3], None, distractors, None, unknown={3}, rank=rank).tpir(1.0) for rank in (3, 4)]
    assert found == [0.0, 1.0]


def separated(people: int = 40) -> OpenSetResult:
    """People whose features lie around their centres."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(people, 32))
    ids = np.repeat(np.arange(1, people + 1), 3)
    query, gallery = (np.repeat(centres, 3, 0) + 0.8 * generator.normal(size=(3 * people, 32)) for _ in range(2))
    return evaluate_open_set(row_distances(query, gallery), ids, None, ids, None, unknown=split_identities(ids.tolist())[1])


def test_a_threshold_holds_on_people_that_it_was_not_chosen_on() -> None:
    result = separated()
    assert result.identification_rate_at(0.05) > 0.9
    fpir, tpir = result.cross_checked(0.05)
    assert abs(fpir - 0.05) < 0.1
    assert tpir > 0.8
    assert (fpir, tpir) == result.cross_checked(0.05)
    assert (fpir, tpir) != result.cross_checked(0.05, seed=1)


def test_halves_share_no_identity() -> None:
    result = separated(people=4)  # two known, two unknown: halves of one identity each
    for people in (result.known_ids, result.unknown_ids):
        assert len(np.unique(people)) == 2
    fpir, tpir = result.cross_checked(0.4)
    expected = []
    for known, unknown in zip(*(split_in_two(ids) for ids in (result.known_ids, result.unknown_ids)), strict=True):
        threshold = result.subset(known, unknown).threshold_at(0.4)
        expected.append((result.subset(~known, ~unknown).fpir(threshold), result.subset(~known, ~unknown).tpir(threshold)))
    assert (fpir, tpir) == pytest.approx(np.mean(expected, axis=0))
    with pytest.raises(ValueError, match="at least two known and two unknown"):
        result.subset(result.known_ids == result.known_ids[0], result.unknown_ids > 0).cross_checked(0.1)


def split_in_two(ids: npt.NDArray[np.int64]) -> list[npt.NDArray[np.bool_]]:
    known, unknown = split_identities(ids.tolist(), 0.5, 0)
    return [np.isin(ids, list(known)), np.isin(ids, list(unknown))]


# ---- the split


@given(ids=st.lists(st.integers(1, 60), min_size=1, max_size=80), share=st.floats(0.05, 0.95), seed=st.integers(0, 9))
@settings(max_examples=40)
def test_the_split_depends_on_nothing_but_the_identities_and_the_seed(ids: list[int], share: float, seed: int) -> None:
    people = set(ids)
    if len(people) < 2:
        with pytest.raises(ValueError, match="at least two identities"):
            split_identities(ids, share, seed)
        return
    known, unknown = split_identities(ids, share, seed)
    assert known
    assert unknown
    assert known | unknown == people
    assert not known & unknown
    assert len(unknown) == min(len(people) - 1, max(1, round(share * len(people))))
    assert split_identities([*reversed(ids), *ids], share, seed) == (known, unknown)


def test_people_counted_from_0_are_refused_and_not_lost() -> None:
    with pytest.raises(ValueError, match=r"query identities must be 1 or more, got 0 .*add 1 to the identities of both"):
        split_identities(range(10))


def test_the_split_is_the_same_for_ever() -> None:
    assert sorted(split_identities(range(1, 11))[1]) == [3, 4, 7, 9, 10]
    assert sorted(split_identities(range(1, 11), seed=1)[1]) != [3, 4, 7, 9, 10]


# ---- the threshold and the model


def test_a_threshold_is_kept_with_the_model(tmp_path: Path) -> None:
    model = ReidModel("test_resnet", image_size=(64, 32), attention="none")
    assert model.threshold is None
    model.save_pretrained(tmp_path)
    before = json.loads((tmp_path / "config.json").read_text())
    result = separated()
    threshold = calibrate(result, 0.05, feature="neck", flip=True, data="people", fingerprint="f" * 16)
    assert (threshold.fpir, threshold.tpir) == (result.fpir(threshold.distance), result.identification_rate_at(0.05))
    save_threshold(tmp_path, threshold)
    assert {**before, "threshold": threshold.to_dict()} == json.loads((tmp_path / "config.json").read_text())
    assert rga.load(tmp_path).threshold == threshold
    rga.load(tmp_path).save_pretrained(tmp_path / "again")
    assert rga.load(tmp_path / "again").threshold == threshold
    with pytest.raises(FileNotFoundError, match="no saved model"):
        save_threshold(tmp_path / "nowhere", threshold)


def test_a_threshold_accepts_as_it_was_calibrated_also_in_single_precision() -> None:
    result = separated()
    threshold = calibrate(result, 0.05, feature="neck", flip=False, data="people", fingerprint="")
    assert threshold.accepts(result.unknown.astype(np.float32)).mean() == result.fpir(threshold.distance)
    values = np.array([0.1, 0.2, 0.3], dtype=np.float32)  # the threshold lies just below one of them
    exact = OpenSetResult(values[:1].astype(np.float64), np.array([1]), values.astype(np.float64), np.array([2, 3, 4]), 0, 9, 1, "cosine")
    assert calibrate(exact, 0.34, feature="neck", flip=False, data="", fingerprint="").accepts(values).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distance": float("inf")}, "finite distance"),
        ({"metric": "re-ranked"}, "unknown metric 're-ranked'"),
        ({"fpir": 1.5}, "fpir must be within"),
    ],
)
def test_a_threshold_checks_itself(changes: dict[str, Any], message: str) -> None:
    threshold = calibrate(separated(), 0.05, feature="neck", flip=False, data="people", fingerprint="")
    with pytest.raises(ValueError, match=message):
        replace(threshold, **changes)
    earlier = {name: value for name, value in threshold.to_dict().items() if name != "frames"}  # written before there were tracklets
    assert Threshold.from_dict(earlier) == threshold
    with pytest.raises(ValueError, match="missing or unknown: colour"):
        Threshold.from_dict({**threshold.to_dict(), "colour": "red"})


# ---- the result


def test_the_result_is_json() -> None:
    figures = json.loads(json.dumps(separated().to_dict()))
    assert figures["known_identities"] == figures["unknown_identities"] == 20
    assert set(figures["identification_rate"]) == {"0.1"}  # 60 unknown queries cannot tell of a rate of a hundredth
    with pytest.raises(ValueError, match="read-only"):
        separated().known[0] = 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unknown": {99}}, "at least one unknown query"),
        ({"unknown": set(range(1, 8))}, "at least one known query with a match"),
        ({"unknown": {0, 1}}, "unknown identities must be 1 or more, got 0 .*add 1 to the identities of both"),
        ({"query_ids": np.arange(40) % 9}, "query identities must be 1 or more, got 0 .*add 1 to the identities of both"),
        ({"gallery_ids": np.arange(60) - 5}, "gallery identities must be -1 or more, got -5 .4 of 60 such"),
        ({"unknown": set(range(1, 9)), "gallery_ids": np.arange(60) % 8 + 1}, "nobody but the 8 unknown identities"),
        ({"rank": 0}, "rank must be at least 1"),
        ({"query_cameras": None}, "query cameras are missing"),
    ],
)
def test_wrong_input(changes: dict[str, Any], message: str) -> None:
    distances, labels = labelled_distances(0)
    labels[0][labels[0] == 8] = 7
    names = ("query_ids", "query_cameras", "gallery_ids", "gallery_cameras")
    with pytest.raises(ValueError, match=message):
        evaluate_open_set(distances, **{**dict(zip(names, labels, strict=True)), "unknown": {1}, **changes})


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_wrong_rates(rate: float) -> None:
    with pytest.raises(ValueError, match="false_alarm_rate must be at least 0 and below 1"):
        separated().threshold_at(rate)
    with pytest.raises(ValueError, match="share of unknown identities"):
        split_identities([1, 2], rate)


@pytest.mark.parametrize("wrong", [[1.5, 2.0], [1.0, 2.0], ["1", "2"]])
def test_identities_that_are_no_integers_are_not_rounded(wrong: list[Any]) -> None:
    with pytest.raises(ValueError, match="query identities must be integers, got "):
        split_identities(wrong)
    with pytest.raises(ValueError, match="unknown identities must be integers, got "):
        evaluate_open_set(np.zeros((2, 2)), [1, 2], None, [1, 2], None, unknown=wrong[:1])
    assert split_identities(np.array([1, 2])) == split_identities(torch.tensor([1, 2])) == split_identities([1, 2])
