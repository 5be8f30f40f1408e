"""The tables as data: all that they name is there, and every training that they ask for can be built."""

from dataclasses import replace

import pytest

from rga.errors import InputError
from rga.study import paper
from rga.study.settings import SETTINGS
from rga.study.tables import TABLES, Block, get_table
from rga.study.trial import deciding_fields, same_recipe, trials_of
from rga.study.variants import PLAIN, VARIANTS
from rga.tasks import recipe_type

BLOCKS = [(table.name, block) for table in TABLES.values() for block in table.blocks]


@pytest.mark.parametrize("name", TABLES)
def test_all_names_of_a_table_are_known(name: str) -> None:
    table = TABLES[name]
    for block in table.blocks:
        assert block.setting in SETTINGS
        assert set(block.variants) <= VARIANTS.keys()
        assert block.seeds >= 1
    for setting in {block.setting for block in table.blocks}:  # nothing could be compared otherwise
        assert any(PLAIN in block.variants for block in table.blocks if block.setting == setting)


@pytest.mark.parametrize(("table", "block"), BLOCKS)
def test_every_training_has_a_recipe_that_differs_from_that_of_the_plain_net_in_its_variant_alone(table: str, block: Block) -> None:
    trials = trials_of([block])
    assert len(trials) == len(block.variants) * block.seeds
    for trial in trials:
        recipe, base = trial.recipe(), trial.setting.recipe(trial.setting.base().data)
        changed = {name for name, value in recipe.fields().items() if value != base.fields()[name]} - {"seed"}
        assert changed <= set(trial.variant.changes)
        assert recipe.seed == trial.seed


def test_variants_of_one_setting_are_different_trainings() -> None:
    for setting in SETTINGS.values():
        names = {name for _, block in BLOCKS if block.setting == setting.name for name in block.variants}
        recipes = [str(sorted(deciding_fields(setting.recipe(setting.base().data, **VARIANTS[name].changes)).items())) for name in names]
        assert len(set(recipes)) == len(names), setting.name


def test_a_training_of_several_tables_is_one() -> None:
    blocks = [block for _, block in BLOCKS if block.setting == "people"]
    keys = [trial.key for trial in trials_of(blocks)]
    assert len(keys) == len(set(keys)) < sum(len(block.variants) * block.seeds for block in blocks)


def test_seeds_come_one_after_the_other() -> None:
    trials = trials_of([block for _, block in BLOCKS if block.setting == "people"], seeds=2, variants=["plain", "rga-sc"])
    assert [trial.key[1:] for trial in trials] == [("plain", 0), ("rga-sc", 0), ("plain", 1), ("rga-sc", 1)]


def test_the_papers_figures() -> None:
    for dataset, figures in paper.FIGURES.items():
        assert figures.keys() <= VARIANTS.keys()
        assert all(0 < mean_ap <= rank1 <= 100 for rank1, mean_ap in figures.values()), dataset
        assert figures["rga-sc"] == max(figures.values())
    assert paper.FIGURES[paper.CUHK03]["rga-sc"] == (81.1, 77.4)
    assert paper.FIGURES[paper.MARKET]["plain"] == (94.2, 83.7)
    assert {setting.paper for setting in SETTINGS.values() if setting.paper} == paper.FIGURES.keys()


@pytest.mark.parametrize("name", [name for name, setting in SETTINGS.items() if setting.paper])
def test_what_stands_beside_the_papers_figures_is_the_papers_recipe(name: str) -> None:
    assert SETTINGS[name].scale == "full"
    assert deciding_fields(SETTINGS[name].recipe(SETTINGS[name].base().data)) == {}  # the defaults are the paper's
    assert recipe_type("reid")().optimization.epochs == 600


def test_where_and_how_fast_a_training_runs_does_not_decide_its_result() -> None:
    trial = trials_of([TABLES["ablation"].blocks[0]], 1)[0]
    recipe = trial.recipe(threads=4, num_workers=3, device="cuda", checkpoint_minutes=1.0, channels_last=True)
    assert same_recipe(trial, deciding_fields(recipe))
    for field, value in {"lr": 1e-3, "amp_dtype": "bfloat16", "epochs": 3, "max_steps": 9, "evaluate_every": 2, "hold_out": 5}.items():
        assert not same_recipe(trial, deciding_fields(recipe.override(**{field: value}))), field
        other = replace(trial, setting=replace(trial.setting, changes={**trial.setting.changes, field: value}))
        assert not same_recipe(other, deciding_fields(recipe)), field


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown table 'ablatoin': did you mean ablation\?"):
        get_table("ablatoin")
    with pytest.raises(InputError, match=r"the table gates has no full scale: choose --scale minutes"):
        get_table("gates").of_scale("full")
