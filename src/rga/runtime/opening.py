"""Opens a model in a file, of ONNX or of OpenVINO: one that rga exported, or a foreign one whose preprocessing is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rga.errors import InputError, MissingFileError
from rga.images.preprocessing import Preprocessing
from rga.runtime.classification import RuntimeClassification
from rga.runtime.description import OUTPUTS, Description, Task
from rga.runtime.model import RuntimeModel
from rga.runtime.onnxruntime_session import OnnxruntimeSession
from rga.runtime.openvino_session import OpenvinoSession
from rga.runtime.reid import RuntimeReid
from rga.runtime.segmentation import RuntimeSegmentation
from rga.runtime.session import RUNTIMES, SUFFIXES, Runtime, Session

KINDS: dict[Task, type[RuntimeModel]] = {each.task: each for each in (RuntimeReid, RuntimeSegmentation, RuntimeClassification)}
"""Task -> the class of its models."""

SESSIONS: dict[Runtime, Callable[[Path, int], Session]] = {"onnxruntime": OnnxruntimeSession, "openvino": OpenvinoSession}
"""Runtime -> the class of its graphs."""


def open_session(path: Path, runtime: Runtime | None = None, threads: int = 0) -> Session:
    """Opens a graph.

    Args:
        path: of the file, ``.onnx`` or ``.xml``.
        runtime: what runs it; by default onnxruntime for ONNX, and OpenVINO for its own files.
        threads: of the runtime; 0 for one a core.

    Raises:
        MissingFileError: there is no such file.
        MissingPackageError: the runtime is not installed.
        InputError: the file is damaged, the runtime is unknown or does not read such files, or the graph cannot be run.
    """
    if runtime is not None and runtime not in RUNTIMES:
        raise InputError(f"unknown runtime {runtime!r}: choose one of {', '.join(RUNTIMES)}")
    if not path.is_file():
        raise MissingFileError(f"there is no file {path}: expected a model that rga export wrote, or another file {' or '.join(SUFFIXES)}")
    own = SUFFIXES.get(path.suffix.lower())
    if own is None:
        raise InputError(f"{path} ends in {path.suffix!r}, which no runtime is known by: expected a file {' or '.join(SUFFIXES)}")
    if runtime == "onnxruntime" and own != runtime:
        raise InputError(f"{path} is a file of OpenVINO, which onnxruntime does not read: leave runtime out, or export the model to ONNX")
    return SESSIONS[runtime or own](path, threads)


def open_model(
    file: str | Path, *, preprocessing: Preprocessing | None = None, runtime: Runtime | None = None, threads: int = 0
) -> RuntimeModel:
    """Opens a model.

    Args:
        file: of ONNX or OpenVINO.
        preprocessing: how an image becomes what a foreign network takes; a file that rga wrote says it itself.
        runtime: what runs it; by default onnxruntime for ONNX, and OpenVINO for its own files.
        threads: of the runtime; 0 for one a core.

    Returns:
        A model with ``embed``, ``segment`` or ``classify``; a foreign one has ``embed``.

    Raises:
        MissingFileError: there is no such file.
        MissingPackageError: the runtime is not installed.
        InputError: the runtime is unknown, the file is damaged, or foreign and no preprocessing is named, or its own and one is, or no
            network that gives features.
    """
    path = Path(file).expanduser()
    session = open_session(path, runtime, threads)
    text = session.description
    if text is None:
        return foreign(session, preprocessing)
    if preprocessing is not None:
        raise InputError(f"{path} says itself how images are prepared for it: leave preprocessing out")
    description = Description.from_json(text, path)
    # a file for another program may have the one feature of re-identification that its user chose
    needed = (description.feature,) if description.task == "reid" else OUTPUTS[description.task]
    lacking = [name for name in needed if name not in session.outputs]
    if lacking:
        raise InputError(f"{path} has no output {lacking[0]!r}, as a model for {description.task} has: export it again")
    return KINDS[description.task](session, description)


def foreign(session: Session, preprocessing: Preprocessing | None) -> RuntimeReid:
    """A network of others, whose first output is the feature of an image.

    Raises:
        InputError: no preprocessing is named, or it does not take normalised images or does not give one row of numbers an image.
    """
    if preprocessing is None:
        raise InputError(
            f"{session.path} was not exported by rga and does not say how images are prepared for it, and a wrong guess spoils features "
            'without a word: rga.load("model.onnx", preprocessing=Preprocessing(height, width, mean, std)), with those of its training'
        )
    (name, shape), *more = session.inputs.items()
    if more or len(shape) != 4 or shape[1] not in (3, "3"):
        raise InputError(f"{session.path} takes {session.inputs}: expected one input (N, 3, height, width)")
    for free, wanted in zip(shape[2:], preprocessing.size, strict=True):
        if isinstance(free, int) and free != wanted:
            raise InputError(f"{session.path} takes images of {shape[2]}x{shape[3]}, and the preprocessing makes {wanted}: name that size")
    (output, found), *_ = session.outputs.items()
    if len(found) != 2 or not isinstance(found[1], int):
        raise InputError(f"{session.path} gives {session.outputs}: expected features (N, D) as its first output")
    description = Description("reid", preprocessing, "normalised", weights="", trained_on={}, feature="pooled")
    return RuntimeReid(session, description, name, {"pooled": output})
