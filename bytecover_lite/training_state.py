"""What a killed training run needs to go on as if nothing had happened.

Weights, the optimiser's moments and the log so far, in one safetensors file (no pickle), written
atomically.
"""

import dataclasses
import json
from pathlib import Path

from .errors import BytecoverError
from .files import replace_file

# By parameter, in the order of the optimisers: AdamW's, Muon's. Gradient descent has none.
MOMENTS = ({"step", "exp_avg", "exp_avg_sq"}, {"momentum"}, set())


class ResumeError(BytecoverError):
    """The state found in a run's directory cannot be continued."""


def save_state(path, config, model, optimizers, facts):
    """Write the state of a run.

    Parameters
    ----------
    path : Path
        File to write, replaced atomically.
    config : dataclass
        The run's configuration; resuming with another one is refused.
    model : torch.nn.Module
    optimizers : list of torch.optim.Optimizer
        As `make_optimizers` returns them; their moments are stored by parameter number.
    facts : dict
        Anything else to get back, JSON-serialisable.
    """
    from safetensors.torch import save

    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for place, optimizer in enumerate(optimizers):
        for number, moments in optimizer.state_dict()["state"].items():
            prefix = f"optimizer.{place}.{number}."
            tensors |= {prefix + name: value for name, value in moments.items()}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {"config": _described(config), "facts": json.dumps(facts)}
    replace_file(path, save(tensors, metadata))


def load_state(path, config, model, optimizers):
    """Load the state written by :func:`save_state` into ``model`` and ``optimizers``.

    Returns
    -------
    dict or None
        The facts, or None if there is no file.

    Raises
    ------
    ResumeError
        If the file is damaged or belongs to another configuration; the differing fields are named.
    """
    if not path.exists():
        return None
    tensors, found, facts = _read(path)
    _check_same(path, found, json.loads(_described(config)))
    try:
        model.load_state_dict(_below("model.", tensors))
        for place, optimizer in enumerate(optimizers):
            moments = _below(f"optimizer.{place}.", tensors)
            optimizer.load_state_dict(_optimizer_state(moments, optimizer, MOMENTS[place]))
    except (RuntimeError, ValueError, LookupError, TypeError) as error:
        raise ResumeError(f"{path}: its tensors do not fit ({error}): delete it") from error
    return facts


def read_run(directory):
    """Return the recipe and the log of a training run.

    Parameters
    ----------
    directory : Path
        Directory of the run.

    Returns
    -------
    dict
        ``config`` (as nested dicts; of the checkpoint it started from only the file's name, because
        folders mean nothing elsewhere), ``steps`` done, ``best`` validation MAP, ``seconds`` it
        took (validation included), and ``rows``: one dict a step with the losses, and the
        validation MAP where it was measured.

    Raises
    ------
    ResumeError
        If there is no readable state.
    """
    _, config, facts = _read(directory / "state.safetensors")
    config = config | {"start_from": Path(str(config.get("start_from", ""))).name}
    rows = [{k: round(v, 4) for k, v in row.items()} for row in facts["rows"]]
    kept = {name: facts[name] for name in ("best", "seconds")}
    return {"config": config, "steps": facts["step"], **kept, "rows": rows}


def _read(path):
    """Return tensors, configuration and facts of a state; of the shape that others rely on."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        config, facts = (json.loads(metadata[name]) for name in ("config", "facts"))
        _check_facts(config, facts)
    except (OSError, SafetensorError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise ResumeError(f"{path}: not a readable training state ({error}): delete it") from error
    return tensors, config, facts


def _check_facts(config, facts):
    whole = {"step": int, "waited": int, "rows": list}
    usable = (
        isinstance(config, dict)
        and isinstance(facts, dict)
        and all(type(facts[name]) is kind for name, kind in whole.items())
        and all(isinstance(facts[name], int | float) for name in ("best", "seconds"))
        and facts["step"] >= 0
        and all(_is_row(row) for row in facts["rows"])
    )
    if not usable:
        raise ValueError("its facts are no step, best score and log")


def _is_row(row):
    return isinstance(row, dict) and all(isinstance(value, int | float) for value in row.values())


def _optimizer_state(moments, optimizer, names):
    state = {}
    for name, tensor in moments.items():
        number, field = name.split(".", 1)
        state.setdefault(int(number), {})[field] = tensor
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for number, values in state.items():  # the optimiser itself would notice at the next step only
        shapes = {value.shape for name, value in values.items() if name != "step"}
        if set(values) != names or shapes != {weights[number].shape}:
            raise ValueError(f"moments of parameter {number}")
    return {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}


def _below(prefix, tensors):
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}


def _described(config):
    return json.dumps(dataclasses.asdict(config), sort_keys=True)


def _check_same(path, found, wanted):
    if found == wanted:
        return
    names = [name for name in wanted if found.get(name) != wanted[name]]
    changed = ", ".join(f"{name}: {found.get(name)} there, {wanted[name]} now" for name in names)
    raise ResumeError(
        f"{path} belongs to a run with another configuration ({changed}): "
        "choose another output directory, or delete that one"
    )
