"""What a killed training run needs to go on as if nothing had happened.

Weights, the optimiser's moments and the log so far, in one safetensors file (no pickle), written
atomically.
"""

import dataclasses
import json
import os

from .errors import BytecoverError


class ResumeError(BytecoverError):
    """The state found in a run's directory cannot be continued."""


def save_state(path, config, model, optimizer, facts):
    """Write the state of a run.

    Parameters
    ----------
    path : Path
        File to write, replaced atomically.
    config : dataclass
        The run's configuration; resuming with another one is refused.
    model : torch.nn.Module
    optimizer : torch.optim.Optimizer
        AdamW; its moments are stored by parameter number.
    facts : dict
        Anything else to get back, JSON-serialisable.
    """
    from safetensors.torch import save_file

    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {"config": _described(config), "facts": json.dumps(facts)}
    partial = path.with_suffix(f".{os.getpid()}.partial")
    save_file(tensors, partial, metadata)
    os.replace(partial, path)


def load_state(path, config, model, optimizer):
    """Load the state written by :func:`save_state` into ``model`` and ``optimizer``.

    Returns
    -------
    dict or None
        The facts, or None if there is no file.

    Raises
    ------
    ResumeError
        If the file is damaged or belongs to another configuration; the differing fields are named.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (OSError, SafetensorError) as error:
        raise ResumeError(f"{path}: not a readable training state ({error}): delete it") from error
    _check_same(path, metadata["config"], _described(config))
    model.load_state_dict(_below("model.", tensors))
    optimizer.load_state_dict(_optimizer_state(_below("optimizer.", tensors), optimizer))
    return json.loads(metadata["facts"])


def read_run(directory):
    """Return the recipe and the log of a training run.

    Parameters
    ----------
    directory : Path
        Directory of the run.

    Returns
    -------
    dict
        ``config`` (as nested dicts), ``steps`` done, ``best`` validation MAP, and ``rows``: one
        dict a step with the losses, and the validation MAP where it was measured.

    Raises
    ------
    ResumeError
        If there is no readable state.
    """
    from safetensors import SafetensorError, safe_open

    path = directory / "state.safetensors"
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
    except (OSError, SafetensorError) as error:
        raise ResumeError(f"{path}: not a readable training state ({error})") from error
    facts = json.loads(metadata["facts"])
    rows = [{k: round(v, 4) for k, v in row.items()} for row in facts["rows"]]
    config = json.loads(metadata["config"])
    return {"config": config, "steps": facts["step"], "best": facts["best"], "rows": rows}


def _optimizer_state(moments, optimizer):
    state = {}
    for name, tensor in moments.items():
        number, field = name.split(".", 1)
        state.setdefault(int(number), {})[field] = tensor
    return {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}


def _below(prefix, tensors):
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}


def _described(config):
    return json.dumps(dataclasses.asdict(config), sort_keys=True)


def _check_same(path, found, wanted):
    if found == wanted:
        return
    found, wanted = json.loads(found), json.loads(wanted)
    names = [name for name in wanted if found.get(name) != wanted[name]]
    changed = ", ".join(f"{name}: {found.get(name)} there, {wanted[name]} now" for name in names)
    raise ResumeError(
        f"{path} belongs to a run with another configuration ({changed}): "
        "choose another output directory, or delete that one"
    )
