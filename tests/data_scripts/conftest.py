"""What the tests of data scripts share: the scripts as modules, and short recordings."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from bytecover_lite.audio import write_wav

SCRIPTS = Path(__file__).parents[2] / "data_scripts"


@pytest.fixture
def script(monkeypatch):
    """Import a data script by its name, as if the tests stood in its folder."""
    monkeypatch.syspath_prepend(SCRIPTS)
    for path in SCRIPTS.glob("*.py"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
    yield importlib.import_module
    for path in SCRIPTS.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture(scope="session")
def tone(tmp_path_factory):
    """Return the bytes of a wav file of 3 s; every number sounds different."""

    def make(number, seconds=3.0):
        time = np.arange(int(22050 * seconds)) / 22050
        sound = 0.3 * np.sin(2 * np.pi * 110 * 2 ** (number / 12) * time)
        path = tmp_path_factory.mktemp("tone") / "tone.wav"
        write_wav(path, sound)
        return path.read_bytes()

    return make


@pytest.fixture
def place(tone):
    """Put a tone at a path."""

    def put(path, number):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tone(number))
        return path

    return put
