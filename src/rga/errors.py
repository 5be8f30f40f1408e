"""The errors of this package: what a user can fix, said in one sentence.

The command line prints these as one line. Every other exception is a fault of ours and shows its traceback.
"""

from __future__ import annotations


class RgaError(Exception):
    """Base of all errors that a user can fix."""


class InputError(RgaError, ValueError):
    """An argument, an option or a file's contents are not what was expected."""


class MissingFileError(RgaError, FileNotFoundError):
    """A file or folder that was named is not there."""


class ExistingFileError(RgaError, FileExistsError):
    """A file or folder is there already and must not be replaced."""


class NotAFolderError(RgaError, NotADirectoryError):
    """A file stands where a folder was expected."""


class FolderError(RgaError, IsADirectoryError):
    """A folder stands where a file was expected."""


class WriteProtectedError(RgaError, PermissionError):
    """A file or folder must not be written to."""


class HubError(RgaError, ConnectionError):
    """The Hugging Face hub cannot be reached, and what was asked for is not on this machine."""


class MissingPackageError(RgaError, ModuleNotFoundError):
    """An optional dependency is not installed.

    Args:
        package: its name.
        extra: of this package, which installs it; empty if it is to be installed by its own name.
    """

    def __init__(self, package: str, extra: str) -> None:
        command = f"'rga[{extra}]'" if extra else package
        super().__init__(f"this needs {package}, which is not installed: pip install {command}", name=package)


def first_line(error: BaseException) -> str:
    """The first line of an error's text that says something; OpenVINO's begin with places of its source."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line and not line.startswith("Exception from ")), type(error).__name__)


class WriteError(RgaError, OSError):
    """A file could not be written."""
