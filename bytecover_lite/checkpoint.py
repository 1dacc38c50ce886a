"""The file a model lives in: safetensors, read without running code (chapter "Training").

A checkpoint holds tensors and, as metadata, the configuration they belong to. It is written whole
or not at all; whatever is wrong with a file that is read, the message names it and the remedy.
"""

import json
from pathlib import Path

from .errors import BytecoverError
from .files import replace_file

FORMAT = "bytecover-lite model 1"


class CheckpointError(BytecoverError):
    """A checkpoint file that cannot be used; the message names the file and the remedy."""


def write_checkpoint(path, tensors, config):
    """Write tensors and their configuration to one file.

    Parameters
    ----------
    path : path-like
        File to make or replace, in one step; its folder is made if needed.
    tensors : dict of str to torch.Tensor
        On any device, in any memory layout.
    config : dict
        JSON-serialisable.
    """
    from safetensors.torch import save

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # One entry: safetensors writes several in an order that changes from run to run.
    replace_file(path, save(tensors, {FORMAT: json.dumps(config)}))


def read_checkpoint(path):
    """Read what `write_checkpoint` wrote.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    tensors : dict of str to torch.Tensor
        On the CPU.
    config : dict

    Raises
    ------
    CheckpointError
        If there is no such file, or it is a pickle, damaged, or of another format.
    """
    from safetensors import SafetensorError, safe_open

    _refuse_pickle(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: truncated or not a safetensors file ({error}): copy or train it again"
        ) from error
    if FORMAT not in metadata:
        found = ", ".join(metadata) or "tensors of unknown origin"
        raise CheckpointError(
            f"{path}: holds {found!r}, not {FORMAT!r}: give a file written by save_model"
        )
    try:
        config = json.loads(metadata[FORMAT])
        if isinstance(config, dict):
            return tensors, config
        problem = f"it is {type(config).__name__}, not an object"
    except (ValueError, RecursionError) as error:
        problem = error
    raise CheckpointError(f"{path}: its configuration is damaged ({problem}): copy it again")


def _refuse_pickle(path):
    """Name the usual wrong file, a pickle, which could run any code when it is opened."""
    try:
        with open(path, "rb") as file:
            head = file.read(9)
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror}): check the path, or train a model"
        ) from error
    is_safetensors = head[8:] == b"{"  # after the length, which may begin with any byte
    if not is_safetensors and head.startswith((b"PK", b"\x80")):  # torch.save, new and old
        raise CheckpointError(
            f"{path}: a pickle, which could run any code when read: load it where it was made "
            "and write it with save_model"
        )
