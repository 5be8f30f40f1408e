"""``python -m rga.pretrained.build RUN``: writes the folder of a shipped model from a finished training.

The shipped model has no classifier, so it says nothing of the identities that it was trained on. Its kernels are stored in half
precision, which PyTorch widens when they are loaded; norms and biases, which are few, stay as they are. The features of the model as it
was trained and of the shipped one are compared before anything is written.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from rga.attachment.costs import cost
from rga.errors import InputError, MissingFileError, RgaError
from rga.loading import load
from rga.model_names import SHIPPED
from rga.pretrained.card import JUDGEMENT, TRAINING, judgement_of, write_card
from rga.pretrained.small import NAME
from rga.pretrained.train import OUTPUT, run_folder
from rga.recipes import recipe_from_file
from rga.reid.model import ReidModel
from rga.storage.files import write_folder, write_json
from rga.storage.saved_model import CONFIG, WEIGHTS, save_model, weights_fingerprint
from rga.study.trainings.job import RESULT
from rga.synthetic.people.people import ORIGIN
from rga.synthetic.people.world import World
from rga.training.run.record import RECIPE_FILE

MOST_BYTES = 3_000_000
"""Of a shipped folder."""

LEAST_COSINE = 0.9999
"""Between the features of the model as it was trained and of the shipped one."""

CHECKED = 12
"""Images whose features are compared."""


def build(run: Path, folder: Path) -> Path:
    """Writes the shipped folder, whole or not at all.

    Args:
        run: of the training, which is finished.
        folder: to write; a judgement there of the same weights stays, one of others is removed.

    Raises:
        MissingFileError: the training is not finished.
        InputError: the run holds another model than it recorded, or the shipped one is too large or has other features.
        OSError: a file could not be written; the folder is as it was.
    """
    result = finished(run)
    trained = load(run / "last", ReidModel)
    if weights_fingerprint(trained) != result["weights"]:
        raise InputError(f"{run / RESULT} is of other weights than the model in {run / 'last'}: train again in another folder")
    shipped = without_classifier(trained, result)
    worlds = generated_data(run)

    def write(temporary: Path) -> None:
        save_model(halved(shipped), temporary, shipped.metrics)
        saved = load(temporary, ReidModel)
        check_features(trained, saved)
        write_json(temporary / TRAINING, training_of(saved, result, worlds, (temporary / WEIGHTS).stat().st_size))
        if judgement_of(folder, saved) is not None:
            (temporary / JUDGEMENT).write_bytes((folder / JUDGEMENT).read_bytes())
        write_card(temporary)
        if (size := sum(path.stat().st_size for path in temporary.iterdir())) > MOST_BYTES:
            raise InputError(f"the files of the model take {size:,} bytes, and {MOST_BYTES:,} are the most: train a narrower backbone")

    write_folder(folder, write, CONFIG)
    if judgement_of(folder, load(folder, ReidModel)) is None:
        (folder / JUDGEMENT).unlink(missing_ok=True)
    return folder


def finished(run: Path) -> Mapping[str, Any]:
    """What a training reached.

    Raises:
        MissingFileError: it is not finished.
    """
    file = run / RESULT
    if not file.is_file():
        raise MissingFileError(
            f"there is no {file}: name the run of a finished training; python -m rga.pretrained.train begins or continues it"
        )
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def without_classifier(trained: ReidModel, result: Mapping[str, Any]) -> ReidModel:
    """A copy of a model without its classifier, that remembers what it was trained on in words and not by folders."""
    model = copy.deepcopy(trained)
    model.classifier = None
    model.trained_on = {"name": "generated people", "fingerprint": result["data"]["fingerprint"], "weights": trained.trained_on["weights"]}
    model.metrics = {"data": "generated people under other cameras", **result["metrics"]}
    model.remember(classes=0, trained_on=model.trained_on)
    return model


def halved(model: ReidModel) -> ReidModel:
    """A copy of a model with its kernels in half precision.

    Raises:
        InputError: a weight is larger than half precision holds.
    """
    model = copy.deepcopy(model)
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            parameter.data = parameter.data.half()
            if not torch.isfinite(parameter).all():
                raise InputError(f"{name} has weights that half precision does not hold (65,504 is the most): train with more weight decay")
    return model


def check_features(trained: ReidModel, saved: ReidModel) -> None:
    """Compares the features of a model with those of the shipped one on generated people.

    Raises:
        InputError: they differ by more than half precision explains.
    """
    images = generated_people(CHECKED)
    before, after = (model.embed(images) for model in (trained, saved))
    least = float(((before * after).sum(1) / (np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1))).min())
    if not least > LEAST_COSINE:
        raise InputError(f"features of the shipped model have a cosine of {least:.6f} with those of the training: expected {LEAST_COSINE}")


@cache
def generated_people(count: int) -> tuple[Image.Image, ...]:
    """Images of as many generated people, small ones."""
    world = World(0, 2, (64, 32))
    taken = (world.shoot(world.rng(1, identity), world.walks(identity)[0], world.person(identity)) for identity in range(1, count + 1))
    return tuple(shot.image for shot in taken)


def generated_data(run: Path) -> list[Mapping[str, Any]]:
    """What the data of a training were generated from: the version and the options of the generator for each dataset.

    Raises:
        InputError: a dataset is not generated, or has been moved.
    """
    found = []
    for spec in recipe_from_file(run / RECIPE_FILE).datasets():
        origin = Path(spec.root or ".") / ORIGIN
        if not origin.is_file():
            raise InputError(f"a shipped model is trained on generated people alone, and {spec} has no {ORIGIN} that says so")
        found.append(json.loads(origin.read_text(encoding="utf-8")))
    return found


def training_of(model: ReidModel, result: Mapping[str, Any], worlds: Sequence[Mapping[str, Any]], size: int) -> dict[str, Any]:
    """How a model was trained and what it costs, for its card.

    Args:
        model: as it is shipped.
        result: of the training.
        worlds: of ``generated_data``: the first is tested on where there are several.
        size: of the file of weights in bytes.
    """
    price = cost(model, (1, 3, *model.preprocessing.size))
    kept = ("recipe", "metrics", "steps", "step_seconds", "hours", "machine", "finished")
    return {
        "weights": weights_fingerprint(model),
        **{name: result[name] for name in kept},
        "generated": list(worlds),
        "image_size": list(model.preprocessing.size),
        "features": model.neck.num_features,
        "parameters": price.parameters,
        "macs": price.macs,
        "bytes": size,
    }


def main(arguments: Sequence[str]) -> int:
    """Builds as the command line says; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m rga.pretrained.build", description=(__doc__ or "").partition(": ")[2])
    parser.add_argument("run", type=Path, nargs="?", default=run_folder(OUTPUT), help=f"the finished run, by default {run_folder(OUTPUT)}")
    parser.add_argument("--output", "-o", type=Path, default=SHIPPED / NAME, help="folder to write, by default that of the package")
    chosen = parser.parse_args(arguments)
    try:
        folder = build(chosen.run, chosen.output)
    except (RgaError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder}: {size:,} bytes; compare it with python benchmarks/shipped_model.py")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
