"""The command that does the whole paper: reproduce."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from .recipes import TrainConfig, paper

Unprefixed = tyro.conf.arg(name="")
PAPER = paper()
MEASURED_ON = 5  # recordings, where there are some


def reproduce(
    data: Path,
    out: Path,
    /,
    dataset: str = "shs100k",
    preset: Literal["lite", "long", "paper"] = "paper",
    config: Annotated[TrainConfig, Unprefixed] = PAPER,
    plan: bool = False,
    jobs: int = 2,
    cluster: str | None = None,
    accelerator: Literal["auto", "cpu", "cuda"] = "auto",
    devices: int = 1,
    nodes: int = 1,
    result: Path | None = None,
):
    """Extract, train and score as in the paper; print our scores beside the paper's.

    Parameters
    ----------
    data
        Folder with the sets that data_scripts/ made: shs100k, covers80, youtube350, da-tacos.
    out
        Folder for corpora, the run and tables; an interrupted run is continued.
    dataset
        Set to train on: shs100k, or another folder of DATA whose table has the split train.
    preset
        The recipe whose values are the defaults below.
    config
        The recipe.
    plan
        Do nothing but measure this machine for a minute and say what the run will take. Sets that
        are not there are counted as published.
    jobs
        Processes that extract.
    cluster
        Address of a dask scheduler, such as tcp://host:8786, to extract on many machines.
    accelerator
        What to train on.
    devices
        Processes (GPUs) a machine.
    nodes
        Machines that train.
    result
        Results file (json) to write; default OUT/reproduce.json, or OUT/plan.json.
    """
    from .reproduce import print_table
    from .reproduce import reproduce as run
    from .results import write_result

    out.mkdir(parents=True, exist_ok=True)
    result = result or out / ("plan.json" if plan else "reproduce.json")
    if plan:
        found = _plan(data, dataset, config, jobs, devices * nodes, accelerator)
    else:
        options = {"accelerator": accelerator, "devices": devices, "nodes": nodes}
        rows = run(data, out, config, dataset=dataset, jobs=jobs, cluster=cluster, **options)
        if not rows:
            return
        print_table(rows)
        found = {"rows": rows}
    print(write_result(result.stem, found, directory=result.parent))


def _plan(data, dataset, config, jobs, devices, accelerator):
    from dataclasses import asdict

    from .plan import ASSUMED, measure, plan, print_plan
    from .reproduce import SETS, ReproductionError, present

    tables = present(data, dataset)
    if dataset not in (*tables, *SETS):
        raise ReproductionError(f"{data / dataset}: not there, and its size is not known")
    sets = {name: known.recordings for name, known in SETS.items()}
    sets |= {name: table.groupby("split").size().to_dict() for name, table in tables.items()}
    works = SETS[dataset].training_works if dataset in SETS else 0
    if dataset in tables:
        works = tables[dataset].query("split == 'train'")["clique"].nunique()
    files = [path for table in tables.values() for path in table["path"] if Path(path).is_file()]
    costs = measure(config, n_classes=works, device=accelerator, recordings=files[:MEASURED_ON])
    rows = plan(config, sets, costs, jobs=jobs, devices=devices)
    for name, splits in sets.items():
        absent = "" if name in tables else ", not there: as published"
        print(f"{name}: {sum(splits.values())} recordings{absent}")
    print_plan(rows)
    facts = {"rows": rows, "costs": costs, "sets": sets, "assumed": ASSUMED, "jobs": jobs}
    return facts | {"devices": devices, "there": sorted(tables), "config": asdict(config)}
