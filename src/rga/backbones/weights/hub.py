"""Pretrained weights on this machine and on the hub: caches are searched without a network, and an unreachable hub is noticed in seconds.

timm asks the hub for two files, and the hub's client tries each six times with pauses: without a network this takes 47 seconds. Here the
hub is asked once beforehand, within a time limit that includes the look-up of its name.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from threading import Thread
from urllib.parse import urlsplit

import torch
from huggingface_hub import constants, get_session, hf_hub_url, try_to_load_from_cache
from timm.models import PretrainedCfg

PATIENCE = 4.0
"""Seconds in which the hub must answer."""

FILES = ("model.safetensors", "pytorch_model.bin")
"""What timm looks for in a network's folder on the hub, in its order."""


def cached_weights(weights: PretrainedCfg) -> Path | None:
    """The file of pretrained weights in the caches of this machine, without any network; None if it is not there.

    Args:
        weights: what timm knows of them.

    Returns:
        The file in the hub's cache, or in that of ``torch.hub``, where torchvision and older versions of timm keep theirs.
    """
    if weights.hf_hub_id:
        repository, revision = split(weights.hf_hub_id)
        for name in files(weights):
            found = try_to_load_from_cache(repository, name, revision=revision)
            if isinstance(found, str):
                return Path(found)
    if weights.url:
        kept = Path(torch.hub.get_dir()) / "checkpoints" / PurePosixPath(urlsplit(str(weights.url)).path).name
        return kept if kept.is_file() else None
    return None


def address(weights: PretrainedCfg) -> str:
    """Where on the network pretrained weights are."""
    if weights.hf_hub_id:
        repository, revision = split(weights.hf_hub_id)
        return hf_hub_url(repository, files(weights)[0], revision=revision)
    return str(weights.url)


def split(identifier: str) -> tuple[str, str | None]:
    """A repository and its revision, of a name such as ``owner/name@revision``."""
    repository, _, revision = identifier.partition("@")
    return repository, revision or None


def files(weights: PretrainedCfg) -> tuple[str, ...]:
    """The names under which the hub may have weights."""
    chosen = weights.hf_hub_filename
    if not chosen:
        return FILES
    return (f"{chosen.removesuffix('.bin')}.safetensors", chosen) if chosen.endswith(".bin") else (chosen,)


def out_of_reach(url: str) -> str | None:
    """Why an address cannot be reached; None if it can. It is asked once, and ``PATIENCE`` bounds all of it.

    Args:
        url: of a file; proxies, certificates and tokens are those of the hub's client.

    Returns:
        The reason. Any answer but a server's failure (status 500 and above) counts as reached: what is wrong then, the download will say.
    """
    if constants.HF_HUB_OFFLINE:
        return "the environment variable HF_HUB_OFFLINE is set"
    return in_time(lambda: failure_of_request(url))


def failure_of_request(url: str) -> str | None:
    """Asks for the head of a file, once."""
    try:
        status = get_session().head(url, timeout=PATIENCE).status_code
    except Exception as error:  # the client's library, and so its errors, depends on the version
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else urlsplit(url).hostname}"
    return f"{urlsplit(url).hostname} answers with status {status}" if status >= 500 else None


def in_time(ask: Callable[[], str | None]) -> str | None:
    """What a question answers within ``PATIENCE``, or that it does not: looking a name up has no time limit of its own."""
    answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    Thread(target=lambda: answers.put(ask()), daemon=True).start()
    try:
        return answers.get(timeout=PATIENCE)
    except queue.Empty:
        return f"no answer within {PATIENCE:g} s"
