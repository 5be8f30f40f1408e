"""Options of an evaluation of re-ID: what each does to the features, the distances and the figures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rga.errors import InputError
from rga.ranking.evaluation import evaluate as evaluate_features
from rga.ranking.open_set.open_set import evaluate_open_set, split_identities
from rga.reid.comparison import Comparison
from rga.reid.datasets.samples import ReidData, Sample
from rga.reid.embedded import Embedded, embed_data
from rga.reid.evaluation import CalibrationOptions, ReidOptions, calibrate, evaluate, rank

IDS = np.repeat(np.arange(1, 9), 4)


def embedded(seed: int) -> Embedded:
    """Eight people by two cameras, two images each; the first of each camera is the query."""
    rng = np.random.default_rng(seed)
    rows = (rng.normal(size=(32, 6)) + 1.5 * rng.normal(size=(9, 6))[IDS]).astype(np.float32)
    cameras = np.tile([1, 1, 2, 2], 8)
    query = np.arange(32) % 2 == 0
    return Embedded(rows[query], IDS[query], cameras[query], rows[~query], IDS[~query], cameras[~query])


FEATURES = {"pooled": embedded(0), "neck": embedded(1)}
TESTS = Path(__file__).parents[1]
FILES = sorted(TESTS.rglob("*.py"))  # which are there, and different
DATA = ReidData(
    "people",
    (),
    tuple(Sample(file, int(identity), 1) for file, identity in zip(FILES, FEATURES["neck"].query_ids, strict=False)),
    (Sample(FILES[-1], 1, 2),),
    TESTS,
)


class Model:
    feature = "neck"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is asked of ``embed_data``, which answers with the features above."""
    calls: list[dict[str, Any]] = []

    def embed_data(_model: Any, _data: Any, **more: Any) -> dict[str, Embedded]:
        calls.append(more)
        return dict(FEATURES)

    monkeypatch.setattr("rga.reid.evaluation.embed_data", embed_data)
    return calls


MODEL: Any = Model()


def figures(feature: str) -> float:
    each = FEATURES[feature]
    query = (each.query, each.query_ids, each.query_cameras)
    return evaluate_features(*query, each.gallery, each.gallery_ids, each.gallery_cameras).mAP


def test_both_features_are_ranked_and_the_models_own_is_shown(asked: list[dict[str, Any]]) -> None:
    found = evaluate(MODEL, DATA)
    assert {name: result.mAP for name, result in found.results.items()} == {name: pytest.approx(figures(name)) for name in FEATURES}
    assert found.shown == "neck"
    assert {result.metric for result in found.results.values()} == {"cosine"}
    assert asked == [{"batch_size": 128, "num_workers": 0, "flip": False, "frames": "spread", "progress": None}]
    assert list(found.distances) == list(found.results)
    examined = found.examine()
    assert examined["neck"].result.mAP == pytest.approx(figures("neck"))
    assert examined["neck"].result.metric == "cosine"


def test_one_feature_flips_and_the_size_of_batches(asked: list[dict[str, Any]]) -> None:
    def told(_done: int, _of: int) -> None:
        pass

    for name in ("pooled", "neck"):
        found = evaluate(MODEL, DATA, ReidOptions(flip=True, feature=name, frames="one"), batch_size=5, num_workers=3, progress=told)
        assert list(found.results) == [found.shown] == [name]
        assert asked.pop() == {"batch_size": 5, "num_workers": 3, "flip": True, "frames": "one", "progress": told}
    assert ReidOptions().label == ""


def test_in_a_training_both_are_ranked_by_cosine(asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    found = rank(MODEL, DATA, batch_size=5, num_workers=3)
    assert {name: result.mAP for name, result in found.items()} == {name: pytest.approx(figures(name)) for name in FEATURES}
    assert {result.metric for result in found.values()} == {"cosine"}
    assert asked == [{"batch_size": 5, "num_workers": 3, "frames": "spread"}]
    monkeypatch.setattr("rga.reid.evaluation.processes.first", lambda: False)
    assert rank(MODEL, DATA) == {}


@pytest.mark.parametrize(
    "comparison",
    [Comparison(rerank=True, k1=4, k2=2, lambda_=0.5), Comparison(expand_queries=2, alpha=1.0), Comparison(expand_gallery=2)],
    ids=lambda comparison: comparison.name,
)
def test_features_are_compared_as_the_options_say(asked: list[dict[str, Any]], comparison: Comparison) -> None:
    found = evaluate(MODEL, DATA, ReidOptions(comparison=comparison))
    each = FEATURES["neck"]
    for name, rows in found.distances.items():
        np.testing.assert_allclose(dense(rows), dense(comparison.distances(FEATURES[name])), atol=1e-6)
    assert not np.allclose(dense(found.distances["neck"]), dense(Comparison().distances(each)))
    assert found.results["neck"].metric == comparison.name == found.examine()["neck"].result.metric


def dense(rows: Any) -> np.ndarray[Any, Any]:
    import torch  # noqa: PLC0415

    found: np.ndarray[Any, Any] = rows.fill(slice(0, rows.shape[0]), torch.empty(rows.shape)).numpy()
    return found


@pytest.mark.parametrize(("options", "feature"), [({}, "neck"), ({"feature": "pooled"}, "pooled")])
def test_a_threshold_is_that_of_the_options(asked: list[dict[str, Any]], options: dict[str, Any], feature: str) -> None:
    chosen = CalibrationOptions(unknown=0.25, false_alarms=0.3, seed=4, flip=True, **options)
    found = calibrate(MODEL, DATA, chosen, batch_size=5, num_workers=3)
    assert asked == [{"batch_size": 5, "num_workers": 3, "flip": True, "frames": "spread", "progress": None}]
    strangers = split_identities(DATA_IDS, 0.25, 4)[1]
    assert len(strangers) == 2
    each = FEATURES[feature]
    expected = evaluate_open_set(Comparison().distances(each), *each.labels, unknown=strangers, metric="cosine")
    threshold = found.threshold
    assert threshold.distance == pytest.approx(expected.threshold_at(0.3))
    assert (threshold.feature, threshold.flip, threshold.false_alarm_rate, threshold.data) == (feature, True, 0.3, "people")
    assert threshold.fingerprint == DATA.fingerprint
    assert threshold.fpir == pytest.approx(expected.fpir(threshold.distance))
    assert set(found.results) == {"pooled", "neck"}
    ranking = found.ranking(DATA)
    assert (ranking.shown, ranking.options.flip) == (feature, True)
    assert ranking.results[feature].mAP == pytest.approx(figures(feature))  # type: ignore[index]


DATA_IDS = [sample.identity for sample in DATA.query]


def test_by_default_half_are_strangers_and_one_alarm_in_a_hundred_is_allowed(asked: list[dict[str, Any]]) -> None:
    found = calibrate(MODEL, DATA)
    assert len(set(found.results["neck"].unknown_ids.tolist())) == 4
    assert set(found.results["neck"].unknown_ids.tolist()) == set(split_identities(DATA_IDS, 0.5, 0)[1])
    assert (found.threshold.false_alarm_rate, found.threshold.flip) == (0.01, False)


@pytest.mark.parametrize(
    ("kind", "taken", "refused"),
    [
        (CalibrationOptions, {"unknown": [0.01, 0.99], "false_alarms": [0.0, 0.99]}, {"unknown": [0.0, 1.0], "false_alarms": [-0.01, 1.0]}),
        (Comparison, {"expand_queries": [0, 1], "expand_gallery": [0, 1]}, {"expand_queries": [-1], "expand_gallery": [-1]}),
    ],
)
def test_edges_of_the_ranges(kind: Any, taken: dict[str, list[Any]], refused: dict[str, list[Any]]) -> None:
    for name, values in taken.items():
        assert [getattr(kind(**{name: value}), name) for value in values] == values
    for name, values in refused.items():
        for value in values:
            with pytest.raises(InputError, match=name.replace("_", "[ -]").replace("unknown", "unknown identities")):
                kind(**{name: value})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rerank": True, "k1": 0}, "k1 must be at least 1, got 0"),
        ({"rerank": True, "k2": 0}, "k2 must be at least 1, got 0"),
        ({"rerank": True, "lambda_": -0.01}, "lambda must lie between 0 and 1"),
        ({"rerank": True, "lambda_": 1.01}, "lambda must lie between 0 and 1"),
        ({"expand_queries": 1, "alpha": -0.01}, "alpha must not be negative"),
        ({"expand_queries": 1, "alpha": float("nan")}, "alpha must not be negative"),
        ({"k1": 5}, "k1 is an option of re-ranking: add --rerank"),
        ({"k2": 5}, "k2 is an option of re-ranking"),
        ({"lambda_": 0.5}, "lambda is an option of re-ranking"),
        ({"alpha": 1.0}, "alpha is an option of expansion"),
    ],
)
def test_options_that_would_do_nothing_or_harm(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Comparison(**given)


def test_options_at_the_edge_are_taken_and_the_others_have_their_defaults() -> None:
    edge = Comparison(rerank=True, k1=1, k2=1, lambda_=0.0, expand_gallery=1, alpha=0.0)
    assert edge.name == "cosine, gallery expanded by 1 (alpha 0), re-ranked (k1 1, k2 1, lambda 0)"
    assert Comparison(rerank=True, lambda_=1.0).filled == {
        "expand_queries": 0,
        "expand_gallery": 0,
        "alpha": 3.0,
        "rerank": True,
        "k1": 20,
        "k2": 6,
        "lambda_": 1.0,
    }
    assert Comparison(rerank=True).filled["lambda_"] == 0.3
    assert [each.plain for each in (Comparison(), Comparison(rerank=True), Comparison(expand_queries=1), Comparison(expand_gallery=1))] == [
        True,
        False,
        False,
        False,
    ]


def test_nothing_is_flipped_and_nothing_re_ranked_unless_it_is_asked_for() -> None:
    assert ReidOptions() == ReidOptions(flip=False, feature="both", comparison=Comparison())
    assert (CalibrationOptions().flip, CalibrationOptions().seed, CalibrationOptions().feature) == (False, 0, None)
    assert Comparison() == Comparison(0, 0, None, False, None, None, None)


def test_data_without_a_test_are_named() -> None:
    with pytest.raises(InputError, match="dataset 'people' has no query and gallery to evaluate on"):
        embed_data(MODEL, ReidData("people", (Sample(Path("a.jpg"), 1, 1),), (), (), Path()))
