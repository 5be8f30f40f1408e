"""``rga.load``: a saved model, or one in a file of ONNX or OpenVINO, which needs no PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from rga.errors import InputError
from rga.images.preprocessing import Preprocessing
from rga.runtime.session import Runtime, is_model_file

if TYPE_CHECKING:
    from rga.backbones.model import BackboneModel

Kind = TypeVar("Kind", bound="BackboneModel")


@overload
def load(
    path_or_hub_id: str | Path, kind: None = None, *, preprocessing: Preprocessing | None = None, runtime: Runtime | None = None
) -> Any: ...


@overload
def load(
    path_or_hub_id: str | Path, kind: type[Kind], *, preprocessing: Preprocessing | None = None, runtime: Runtime | None = None
) -> Kind: ...


def load(
    path_or_hub_id: str | Path, kind: type[Any] | None = None, *, preprocessing: Preprocessing | None = None, runtime: Runtime | None = None
) -> Any:
    """Loads a model that ships with rga, that a training saved, or that is in a file of ONNX or OpenVINO; nothing in its files is executed.

    Args:
        path_or_hub_id: the name of a model that ships with rga, such as ``"small"`` (``"rga:small"`` where something in the working
            directory is called so); a folder with ``config.json`` and ``model.safetensors``, or a run's folder (its ``best`` model, else
            its ``last``); ``owner/name`` on the Hugging Face hub (``hf-hub:owner/name`` where a folder here is called like the owner); a
            file ``.onnx`` or ``.xml`` that ``rga.export`` wrote, or another one that gives features; or a file of the public weights for
            CIFAR-10, see ``rga.classification.public``.
        kind: the class that the model must be of; by default any. Of models in such files the task is compared.
        preprocessing: how an image becomes what a foreign network in such a file takes; all others say it themselves.
        runtime: what runs such a file, ``"onnxruntime"`` or ``"openvino"``; by default onnxruntime for ONNX, and OpenVINO for its own.

    Returns:
        The model in evaluation mode: for re-identification it has ``embed``, for segmentation ``segment``, for classification ``classify``,
        for detection ``detect``.
        A file ``.onnx`` or ``.xml`` gives an object of ``rga.runtime`` with the same methods.

    Raises:
        HubError: the model is on the hub only, and the hub cannot be reached.
        MissingFileError: there is no model.
        MissingPackageError: what runs such a file is not installed.
        InputError: what was named is something else than a model, the model is of an unknown task, or of another kind, or a file is damaged
            or holds other weights, or a preprocessing or a runtime is named that is not needed, or no preprocessing where one is.
    """
    if is_model_file(path_or_hub_id):
        from rga.runtime.opening import open_model  # noqa: PLC0415  for such a file only

        model = open_model(path_or_hub_id, preprocessing=preprocessing, runtime=runtime)
        if kind is not None:
            from rga.tasks import get_task  # noqa: PLC0415  PyTorch, which who names a class has

            if get_task(model.task).model is not kind:
                raise InputError(f"the model at {path_or_hub_id} is for {model.task}: use rga {get_task(model.task).verb} with it")
        return model
    if preprocessing is not None:
        raise InputError(f"{path_or_hub_id} says itself how images are prepared for it: leave preprocessing out")
    if runtime is not None:
        raise InputError(f"{path_or_hub_id} is run by PyTorch: leave runtime out, or export the model and load the file")
    from rga.loading import load as load_saved  # noqa: PLC0415  PyTorch

    return load_saved(path_or_hub_id) if kind is None else load_saved(path_or_hub_id, kind)
