"""How the scripts of this folder are run: options from the function's signature, errors in a line.

Every script can end in a feature store, so that one command makes a corpus of a set.
"""

import sys
from pathlib import Path
from typing import Literal

from bytecover_lite.commands_corpus import SETTINGS
from bytecover_lite.errors import BytecoverError
from bytecover_lite.recipes import PRESETS

Extract = Literal["no", "lite", "paper"]


def run(main, description):
    """Run a script's ``main`` with the options of the command line."""
    import tyro

    try:
        tyro.cli(main, description=description)
    except BytecoverError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def extract(out, recipe, *, jobs=2, cluster=None):
    """Turn the ``versions.csv`` of a set into a corpus with the features of a recipe, or say how.

    Parameters
    ----------
    out : path-like
        Folder of the set.
    recipe : {"no", "lite", "paper"}
        ``"lite"`` extracts frames that suit both the recipe and the shipped checkpoint, which
        hears shorter ones.
    jobs : int
        Processes.
    cluster : str, optional
        Address of a dask scheduler.
    """
    out = Path(out)
    if recipe == "no":
        print(f"next: bytecover features {out / 'versions.csv'} {out}")
        return
    from bytecover_lite.pipeline import extract_corpus

    settings = SETTINGS if recipe == "lite" else PRESETS[recipe]().model.features
    extract_corpus(out / "versions.csv", out, settings, jobs=jobs, cluster=cluster)
