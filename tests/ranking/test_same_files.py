"""A query that is in the gallery itself does not find itself."""

import numpy as np
import pytest

from rga.errors import InputError
from rga.ranking.evaluation import evaluate, evaluate_distances
from rga.ranking.examination import examine
from rga.ranking.open_set.open_set import evaluate_open_set
from rga.ranking.open_set.verification import verify

IDS = np.array([1, 1, 2, 2, 3, 3])
FILES = (np.arange(6), np.arange(6))


@pytest.fixture
def distances() -> np.ndarray:
    """Each of six images to all of them, itself at 0: without itself, some are nearest to a stranger."""
    generator = np.random.default_rng(0)
    found = generator.uniform(0.1, 1, (6, 6))
    np.fill_diagonal(found, 0)
    return found


def without_itself(distances: np.ndarray, queries: int = 6) -> dict[str, float]:
    """The mean of the figures of each query by itself, the first ones on a gallery that lacks them, as an oracle."""
    alone = []
    for row in range(6):
        rest = (np.arange(6) != row) | (row >= queries)
        alone.append(evaluate_distances(distances[row : row + 1, rest], IDS[row : row + 1], None, IDS[rest], None))
    return {"mAP": float(np.mean([each.mAP for each in alone])), "R1": float(np.mean([each.cmc[0] for each in alone]))}


def test_figures_are_those_of_a_gallery_without_the_query(distances: np.ndarray) -> None:
    naive = evaluate_distances(distances, IDS, None, IDS, None)
    assert naive.cmc[0] == 1
    result = evaluate_distances(distances, IDS, None, IDS, None, files=FILES)
    expected = without_itself(distances)
    assert (result.mAP, result.cmc[0]) == pytest.approx((expected["mAP"], expected["R1"]))
    assert result.cmc[0] < 1
    assert (result.queries_in_gallery, naive.queries_in_gallery) == (6, 0)
    assert "camera rule not applied: no camera ids, 6 queries are in the gallery and do not find themselves" in str(result)
    assert examine(distances, IDS, None, IDS, None, files=FILES).result.to_dict() == result.to_dict()


def test_features_of_one_set_as_query_and_gallery() -> None:
    features = np.random.default_rng(0).normal(size=(6, 8))
    assert evaluate(features, IDS, None, features, IDS, None).cmc[0] == 1
    assert evaluate(features, IDS, None, features, IDS, None, files=FILES).cmc[0] < 1


def test_some_queries_are_in_the_gallery(distances: np.ndarray) -> None:
    files = np.array([0, 1, 9, 9, 9, 9]), np.array([0, 1, 2, 3, 4, 5])
    result = evaluate_distances(distances, IDS, None, IDS, None, files=files)
    assert result.queries_in_gallery == 2
    expected = without_itself(distances, queries=2)
    assert (result.mAP, result.cmc[0]) == pytest.approx((expected["mAP"], expected["R1"]))


def test_a_query_that_is_alone_has_no_match(distances: np.ndarray) -> None:
    with pytest.raises(InputError, match="never the query itself"):
        evaluate_distances(distances, np.arange(1, 7), None, np.arange(1, 7), None, files=FILES)


def test_pairs_and_open_sets_are_without_it_too(distances: np.ndarray) -> None:
    assert verify(distances, IDS, None, IDS, None, files=FILES).matches.sum() == 6
    assert verify(distances, IDS, None, IDS, None).matches.sum() == 12
    opened = evaluate_open_set(distances, IDS, None, IDS, None, unknown=[3], files=FILES)
    assert opened.known.min() > 0
    assert evaluate_open_set(distances, IDS, None, IDS, None, unknown=[3]).known.max() == 0


def test_numbers_of_files_are_one_for_each_image(distances: np.ndarray) -> None:
    with pytest.raises(InputError, match="query files must be one number per image"):
        evaluate_distances(distances, IDS, None, IDS, None, files=(np.arange(5), np.arange(6)))
