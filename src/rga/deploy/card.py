"""``rga.model_card``: the card of a run or of a saved model, for the hub or for a reader."""

from __future__ import annotations

from pathlib import Path

from rga.backbones.cards.card import LICENSE, check_license, check_repo_id, evaluations_in
from rga.backbones.cards.card import model_card as written
from rga.errors import MissingFileError
from rga.loading import as_source, load
from rga.storage.files import write_atomically
from rga.storage.outputs import check_output
from rga.storage.saved_model import model_folder, weights_fingerprint


def model_card(
    folder: Path | str,
    output: Path | str | None = None,
    *,
    repo_id: str = "",
    license: str = LICENSE,  # noqa: A002  the hub's word
    overwrite: bool = False,
) -> str:
    """Writes the model card of a run: what the model is and costs, its figures with their protocol and data, what it is for and what not.

    The figures are those of the training, and of all ``evaluation-*.json`` beside the model or in its run that ``rga evaluate`` wrote
    about these weights.

    Args:
        folder: of a run (its best model, else its last) or of a saved model.
        output: file to write; by default none is written.
        repo_id: owner/name on the hub, for the example of use.
        license: the hub's name of a licence, for the header; by default ``other``, as weights depend on the licence of their data.
        overwrite: replace the file if it is there already.

    Returns:
        The card, Markdown with the YAML header that the hub reads.

    Raises:
        MissingFileError: there is no model in the folder.
        InputError: the model cannot be read, or the licence or the name is none of the hub's, or a result is damaged.
        ExistingFileError: the file is there already.
    """
    check_license(license)
    check_repo_id(repo_id)
    named = Path(as_source(folder))
    saved = model_folder(named) if named.is_dir() else None
    if saved is None:
        raise MissingFileError(f"there is no model in {folder}: a card is written for the folder of a run or of a saved model")
    path = None if output is None else Path(output).expanduser()
    check_output(path, overwrite=overwrite)
    model = load(saved)
    text = written(model, saved, repo_id=repo_id, license=license, evaluations=evaluations_in({named, saved}, weights_fingerprint(model)))
    if path is not None:
        write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return text
