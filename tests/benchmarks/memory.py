"""How benchmarks measure memory: in a process of their own, which starts with none in use."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def peak():
    """Return the largest memory this process has had in use so far [MiB]."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux counts the parent's memory in what `resource` says
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1024**2 if sys.platform == "darwin" else 1024)


def printed_by(code, *arguments):
    """Run Python code that prints numbers in another process; return them."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [float(word) for word in found.stdout.split()]
