"""Freed memory is kept: what a step has touched once, the system need not clear again."""

import platform
import subprocess
import sys

import pytest

from bytecover_lite import allocator

COUNT = """
import resource, sys
import torch
from bytecover_lite.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def step():
    return torch.ones(8 << 20).sum()  # 32 MB
for _ in range(16):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_the_same_pages_serve_every_step():
    faults = {
        mode: int(
            subprocess.run(
                [sys.executable, "-c", COUNT, mode], check=True, capture_output=True, text=True
            ).stdout
        )
        for mode in ("default", "kept")
    }
    assert faults["kept"] < 0.1 * faults["default"]


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda name: object())
    assert allocator.keep_freed_memory() is False
