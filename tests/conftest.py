"""What every test shares: one thread, and reasons for what cannot run on this machine."""

import os
import shutil

import pytest
import threadpoolctl
import torch

torch.set_num_threads(1)
threadpoolctl.threadpool_limits(1)
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # for the processes that tests start

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
_OBSTACLES = {
    "gpu": None if torch.cuda.is_available() else "no CUDA device is visible",
    "browser": None if CHROMIUM else "no Chromium is installed (apt-get install chromium)",
}


def pytest_collection_modifyitems(items):
    for item in items:
        for marker, obstacle in _OBSTACLES.items():
            if obstacle and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=obstacle))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Start the system's Chromium; Playwright's own build is not needed."""
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": ["--no-sandbox"]}
