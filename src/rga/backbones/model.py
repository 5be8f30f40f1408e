"""What the models of all tasks are: a backbone with attention and what a task adds to it, saved in one way."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from huggingface_hub import ModelCard, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from torch import Tensor, nn

from rga.attachment.probe import weight_of
from rga.attention.grid import Fit, Grid
from rga.backbones.cards.card import KINDS, LICENSE, check_license, check_repo_id, model_card
from rga.backbones.normalisation import backbone_normalisation
from rga.backbones.rebuilding import Structure, check_rebuilds, structure_of
from rga.backbones.weights.hub import out_of_reach
from rga.errors import HubError, first_line
from rga.images.inputs import ImageLike
from rga.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from rga.storage.saved_model import CONFIG, FORMAT, SavedModel


class BackboneModel(nn.Module, SavedModel, library_name="rga", license="apache-2.0", tags=["relation-aware-global-attention"]):
    """A network that is saved with the conventions of the Hugging Face hub's mixin: ``config.json`` and ``model.safetensors``."""

    backbone: nn.Module
    """The convolutional network, attention included."""
    preprocessing: Preprocessing
    """How an image becomes what the backbone takes."""
    structure: Structure | None = None
    """What its configuration is known to build; None where that is not looked after."""
    trained_on: dict[str, Any]
    """Name and fingerprint of the data that it was trained on, how they were read, and the weights that it started from."""

    def set_preprocessing(self, backbone: str, height: int, width: int, mean: Sequence[float] | None, std: Sequence[float] | None) -> None:
        """Sets how images become what the backbone takes; the model is saved with it.

        Args:
            backbone: name of the network.
            height: of the input.
            width: of the input.
            mean: of the pixels, by channel; None for what the backbone's pretrained weights expect.
            std: of the pixels, by channel; likewise.
        """
        self.preprocessing = Preprocessing(height, width, *backbone_normalisation(backbone, mean, std))
        self.remember(mean=list(self.preprocessing.mean), std=list(self.preprocessing.std))

    def as_input(self, images: Tensor) -> Tensor:
        """Normalised images on the backbone's device and of the type of its weights, which may be told ``half()`` or ``double()``."""
        weight = weight_of(self.backbone)
        return images if weight is None else images.to(weight.device, weight.dtype, non_blocking=True)

    @property
    def attention_name(self) -> str:
        """The attention that it was built with, ``"none"`` for a plain backbone; see ``rga.list_attentions``."""
        config = self._hub_mixin_config
        assert isinstance(config, dict)
        return str(config["attention"])

    @property
    def attention_title(self) -> str:
        """The attention in a table or a figure: ``plain`` for none, otherwise its name in capitals."""
        return "plain" if self.attention_name == "none" else self.attention_name.upper()

    @property
    def backbone_size(self) -> tuple[int, int]:
        """(height, width) of the images that the backbone was built for."""
        return self.preprocessing.size

    def input_of(self, image: ImageLike) -> Tensor:
        """What the backbone sees of one image: (1, 3, H, W), normalised, on its device."""
        raise NotImplementedError

    def set_weights_source(self, source: str) -> None:
        """Keeps with the model, also when it is saved, which weights its backbone started from."""
        self.trained_on = {**self.trained_on, "weights": source}
        self.remember(trained_on=self.trained_on)

    def remember(self, **values: Any) -> None:
        """Writes arguments of the constructor as they turned out to be into the configuration that the model is saved with."""
        config = self._hub_mixin_config
        assert isinstance(config, dict)
        self._hub_mixin_config = {**config, **values}

    def note_structure(self) -> None:
        """Keeps what the configuration has built; the last thing that a constructor does."""
        self.structure = structure_of(self)

    def attention_resampled(self, image_size: Grid) -> None:
        """Takes images of another (height, width), for which its attention was moved, and is saved so.

        Hidden widths follow from the size of the training, which is saved beside it.
        """
        options, size = self.attention_options, self.size_arguments(image_size)
        trained = options.get("trained_size") or list(self.backbone_size)
        self.preprocessing = replace(self.preprocessing, height=image_size[0], width=image_size[1])
        self.remember(**size)
        if self.attention_name != "none":
            self.remember(attention_options={**options, "trained_size": list(trained)})

    def size_arguments(self, image_size: Grid) -> dict[str, Any]:
        """The arguments of the constructor by which it takes images of a (height, width)."""
        return {"image_size": list(image_size)}

    def attention_converted(self, fit: Fit, frequencies: tuple[int, int] | None) -> None:
        """Is saved with relation-aware attention of another form."""
        options = {name: value for name, value in self.attention_options.items() if name not in ("frequencies", "dense")}
        options["fit"] = fit
        if frequencies is not None:
            options["frequencies"] = list(frequencies)
        self.remember(attention_options=options)

    def attention_detached(self) -> None:
        """Is saved as a plain backbone."""
        self.remember(attention="none", attention_options=None, attention_after=None)

    @property
    def attention_options(self) -> dict[str, Any]:
        """The options that its attention is built with."""
        config = self._hub_mixin_config
        assert isinstance(config, dict)
        return dict(config.get("attention_options") or {})

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Puts the model on the Hugging Face hub, with its card: ``rga.load("owner/name")`` loads it from there.

        Args:
            repo_id: owner/name; it is made where it is not there yet.
            **options: ``private``, ``token``, ``branch``, ``create_pr``, ``commit_message`` and others of the hub's mixin.
                ``model_card_kwargs={"license": ...}`` names the licence in the card's header, which is ``other`` otherwise.

        Returns:
            The address of the commit.

        Raises:
            HubError: the hub cannot be reached, or does not let this user write there.
            InputError: the name or the licence is none of the hub's.
        """
        said = {**(options.pop("model_card_kwargs", None) or {}), "repo_id": repo_id, "whole": True}
        check_license(said.get("license", LICENSE))
        check_repo_id(repo_id)
        config = options.pop("config", None) or self._hub_mixin_config  # save_pretrained hands the same on
        assert isinstance(config, dict)
        kept: dict[str, Any] = {**config, "metrics": dict(getattr(self, "metrics", {})), "format": FORMAT}
        unreachable = out_of_reach(hf_hub_url(repo_id, CONFIG))
        if unreachable is not None:
            raise HubError(f"the model cannot be put on the hub as {repo_id}: the hub cannot be reached ({unreachable})")
        try:
            return super().push_to_hub(repo_id, config=kept, model_card_kwargs=said, **options)
        except (HfHubHTTPError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None and not isinstance(error, HfHubHTTPError):
                raise  # of this machine, such as a full disk
            raise HubError(
                f"the model cannot be put on the hub as {repo_id} ({first_line(error)}): if it is not yours to write there, log in with hf "
                "auth login, or pass token; otherwise try again"
            ) from error

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> str | None:
        """Writes ``config.json``, ``model.safetensors`` and a model card into a folder; see the hub's mixin for the options.

        Raises:
            InputError: the network was changed and is no longer what the configuration builds, so that ``rga.load`` would refuse it.
        """
        now = structure_of(self)
        if self.structure is not None and now != self.structure:
            config = self._hub_mixin_config
            assert isinstance(config, dict)
            check_rebuilds(self, config, now)
            self.structure = now
        said = {**(options.pop("model_card_kwargs", None) or {}), "folder": Path(save_directory)}
        return super().save_pretrained(save_directory, model_card_kwargs=said, **options)

    def generate_model_card(self, *_args: Any, folder: Path | None = None, whole: bool = False, **said: Any) -> ModelCard:
        """The card of the model; the whole one runs the network on tensors without values, to count what it costs."""
        if not KINDS.keys() & set(self._hub_mixin_info.model_card_data.tags or ()):
            return super().generate_model_card(*_args, **said)  # of a task that cards know nothing of
        return ModelCard(model_card(self, folder if whole else None, **said))

    @classmethod
    def _from_pretrained(cls, *, model_id: str, **options: Any) -> Self:
        """Builds a saved model; see ``SavedModel``. One that does not say its mean and deviation was trained with ImageNet's."""
        old: dict[str, Any] = {name: value for name, value in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)) if name not in options}
        if old:
            warnings.warn(
                f"the configuration of {model_id} does not say its {' and '.join(old)}: ImageNet's are taken, as for all models that were "
                "saved without; if they are others, write them into its config.json",
                stacklevel=2,
            )
        return super()._from_pretrained(model_id=model_id, **options, **old)
