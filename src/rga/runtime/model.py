"""What the models in files share: the graph, what it says about itself, and where it is used."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rga.images.preprocessing import Preprocessing
from rga.runtime.description import INPUT, Description, Task
from rga.runtime.session import Session


class RuntimeModel:
    """A model in a file of ONNX.

    Args:
        session: the graph.
        description: what it is.
        input_name: of the graph's input.
        outputs: what the graph's outputs are called here -> their names in the graph.
    """

    task: ClassVar[Task]

    def __init__(self, session: Session, description: Description, input_name: str = INPUT, outputs: dict[str, str] | None = None) -> None:
        self.session = session
        self.description = description
        self.input_name = input_name
        self.output_names = outputs or {name: name for name in session.outputs}

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image becomes what the network takes."""
        return self.description.preprocessing

    @property
    def trained_on(self) -> dict[str, Any]:
        """Name and fingerprint of the data of the training, and how they were read; empty where the file does not say."""
        return dict(self.description.trained_on)

    @property
    def weights(self) -> str:
        """The fingerprint of the weights."""
        return self.description.weights

    def run(self, images: NDArray[Any], *outputs: str) -> list[NDArray[np.float32]]:
        """Outputs for a batch of what the graph takes; where its batch is not free, in parts of that size, the last of them filled up."""
        names = [self.output_names[name] for name in outputs]
        size = self.session.inputs[self.input_name][0]
        if not isinstance(size, int) or size == len(images):
            return self.session.run(self.input_name, images, names)
        filled = np.concatenate([images, np.repeat(images[-1:], -len(images) % size, axis=0)])
        parts = [self.session.run(self.input_name, filled[start : start + size], names) for start in range(0, len(filled), size)]
        return [np.concatenate(each)[: len(images)] for each in zip(*parts, strict=True)]
