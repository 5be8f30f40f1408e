"""The classes of a model and those of data."""

import pytest

from rga.datasets.names import check_names
from rga.errors import InputError

OWN = ("cat", "brush", "sky")


def test_the_same_names_in_the_same_order_will_do() -> None:
    check_names(list(OWN), OWN, things="categories", where="their numbers")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("brush", "cat", "sky"), "the model's 3 categories in another order .*: bring their numbers into the model's order"),
        (("cat", "dog"), "the data lack brush, sky and have besides dog: evaluate it on the categories that it was trained on"),
        (OWN[:2], r"the model has 3 categories \(cat, brush, sky, ...\), the data have 2 \(cat, brush, ...\); the data lack sky:"),
        ((*OWN, "sea"), "the data have besides sea:"),
    ],
)
def test_others_are_named(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_names(names, OWN, things="categories", where="their numbers")
