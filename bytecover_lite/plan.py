"""What a full-scale run will cost, from constants measured on this machine (chapter "Full scale").

Every amount is a count times a constant; the constants are measured in seconds, on the machine at
hand, with the code that the run will use. What is assumed, not measured, is in ``ASSUMED``.
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from .audio import encode_mp3
from .embed import resolve_device
from .features import extract_file

ASSUMED = {"seconds_each": 240.0, "audio_bytes_each": 240 * 128_000 / 8}
CPU_CLIQUES = 2  # of a batch, when a step is timed on a processor
STATE_COPIES = 3  # weights and the two moments of AdamW, as state.safetensors holds them
RATE = 44100  # Hz, of what is encoded to measure the extraction
HOUR, GB = 3600.0, 1e9


def measure(config, *, n_classes, device="auto", recordings=(), seconds=30.0, steps=2):
    """Measure what the parts of a run cost on this machine.

    Parameters
    ----------
    config : TrainConfig
        The recipe.
    n_classes : int
        Training works.
    device : str
        Where training and embedding run.
    recordings : sequence of path-like
        Measure the extraction on these; default: on ``seconds`` of noise as stereo mp3.
    seconds : float [s]
    steps : int
        Training steps to time, after one that warms up.

    Returns
    -------
    dict
        ``extract_per_second`` (seconds a second of sound takes on one core), ``audio_bytes``,
        ``audio_seconds`` (of a recording), ``step`` and ``embed`` (seconds),
        ``part`` (a step was timed on 1 / part of its batch, and multiplied), ``memory_gb`` (of a
        training step, on a GPU), ``parameters``, ``embedding_size``,
        ``score_pair`` (seconds a pair of embeddings takes).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        extraction = _extraction(config.model.features, recordings, seconds)
    finally:
        torch.set_num_threads(threads)
    device = resolve_device(device)
    network = _network(config, n_classes, device, steps)
    return extraction | network | {"score_pair": _scoring(network["embedding_size"])}


def _extraction(settings, recordings, seconds):
    if recordings:
        began = time.process_time()  # of one core, whatever else this machine is doing
        frames = sum(extract_file(path, settings)[0].shape[1] for path in recordings)
        took = time.process_time() - began
        heard = frames * settings.seconds_per_frame
        size = sum(Path(path).stat().st_size for path in recordings)
        each = {"audio_bytes": size / len(recordings), "audio_seconds": heard / len(recordings)}
        return {"extract_per_second": took / heard, "measured_on": len(recordings)} | each
    noise = 0.1 * np.random.default_rng(0).standard_normal((int(RATE * seconds), 2))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.mp3"
        path.write_bytes(encode_mp3(noise.astype(np.float32), sr=RATE))
        extract_file(path, settings)
        began = time.process_time()
        extract_file(path, settings)
        took = time.process_time() - began
    return {
        "extract_per_second": took / seconds,
        "measured_on": 0,
        "audio_bytes": ASSUMED["audio_bytes_each"],
        "audio_seconds": ASSUMED["seconds_each"],
    }


def _network(config, n_classes, device, steps):
    from .model import ByteCover
    from .optimizers import make_optimizers
    from .train import _launch, _step

    fabric = _launch(device.type, 1, 1, config.precision)
    config = replace(config, model=replace(config.model, n_classes=n_classes))
    model = ByteCover(config.model).to(memory_format=torch.channels_last)
    parameters = sum(weights.numel() for weights in model.parameters())
    wrapped, *optimizers = fabric.setup(model, *make_optimizers(model, config))
    p, k, frames = config.cliques_per_batch, config.versions_per_clique, config.crop_frames
    part = 1 if device.type == "cuda" else max(1, p // CPU_CLIQUES)  # time grows with the batch
    p, bins = p // part, config.model.features.n_bins
    batch = torch.rand(p * k, bins, frames, device=fabric.device)
    cliques = torch.arange(p, device=fabric.device).repeat_interleave(k)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    times = []
    for step in range(steps + 1):
        began = _now(device)
        _step(wrapped, optimizers, (batch, cliques, ["noise"]), step, config, fabric)
        times.append(_now(device) - began)
    memory = torch.cuda.max_memory_allocated() / GB if device.type == "cuda" else None
    length = round(ASSUMED["seconds_each"] / config.model.features.seconds_per_frame)
    model.eval()
    with torch.inference_mode():
        some = torch.rand(16 if device.type == "cuda" else 2, bins, length, device=fabric.device)
        model(some[:1])
        began = _now(device)
        model(some)
        embed = (_now(device) - began) / len(some)
    found = {"step": part * min(times[1:]), "embed": embed, "memory_gb": memory, "part": part}
    return found | {"parameters": parameters, "embedding_size": model.embedding_size}


def _now(device):
    """Return the time in seconds; on a processor, what its cores have spent on this process."""
    if device.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time() / torch.get_num_threads()


def _scoring(dimensions, count=1000):
    from .retrieval import evaluate_embeddings

    vectors = np.random.default_rng(0).standard_normal((count, dimensions)).astype(np.float32)
    cliques = np.arange(count) // 3
    evaluate_embeddings(vectors[:300], cliques[:300])  # compiles what is compiled on first use
    began = _now(torch.device("cpu"))
    evaluate_embeddings(vectors, cliques)
    return (_now(torch.device("cpu")) - began) / count**2


def plan(config, sets, costs, *, jobs, devices=1):
    """Multiply counts by costs.

    Parameters
    ----------
    config : TrainConfig
    sets : dict
        Set: recordings of each split, such as ``{"shs100k": {"train": 87_091, ...}}``.
    costs : dict
        What :func:`measure` returned.
    jobs : int
        Cores that extract. Assumed to share the work evenly.
    devices : int
        GPUs that train. Assumed to share the work evenly.

    Returns
    -------
    list of dict
        One row a step: ``step``, ``count``, ``hours``, ``disk_gb``, ``memory_gb`` (None: not
        what limits, or not measured).
    """
    settings, size = config.model.features, costs["embedding_size"]
    frames = costs["audio_seconds"] / settings.seconds_per_frame
    total = sum(sum(splits.values()) for splits in sets.values())
    validation = sum(splits.get("validation", 0) for splits in sets.values())
    tests = {
        name: sum(n for s, n in splits.items() if s not in ("train", "validation"))
        for name, splits in sets.items()
    }
    tested = sum(tests.values())
    longer = costs["audio_seconds"] / ASSUMED["seconds_each"]
    embed = costs["embed"] * longer / HOUR
    validations = config.steps // config.validate_every
    pairs = sum(count**2 for count in tests.values())
    rows = [
        ("audio", total, 0.0, total * costs["audio_bytes"] / GB, None),
        (
            "features",
            total,
            total * costs["audio_seconds"] * costs["extract_per_second"] / jobs / HOUR,
            total * frames * settings.n_bins * 2 / GB,
            None,
        ),
        (
            "training",
            config.steps,
            config.steps * costs["step"] / devices / HOUR,
            costs["parameters"] * 4 * (STATE_COPIES + 1) / GB,
            costs["memory_gb"],
        ),
        (
            "validation",
            validations,
            validations * (validation * embed + validation**2 * costs["score_pair"] / HOUR),
            0.0,
            validation * size * 4 / GB,
        ),
        ("embedding", tested, tested * embed, tested * size * 4 / GB, tested * size * 4 / GB),
        (
            "scoring",
            tested,
            pairs * costs["score_pair"] / HOUR,
            0.0,
            max(tests.values()) * size * 4 / GB,
        ),
    ]
    return [
        dict(zip(("step", "count", "hours", "disk_gb", "memory_gb"), row, strict=True))
        for row in rows
    ]


def print_plan(rows):
    """Print a plan as a table with its sums."""
    print(f"{'step':<12}{'count':>10}{'hours':>10}{'disk GB':>10}{'memory GB':>11}")
    for row in rows:
        memory = "" if row["memory_gb"] is None else f"{row['memory_gb']:.2f}"
        print(
            f"{row['step']:<12}{row['count']:>10}{row['hours']:>10.2f}{row['disk_gb']:>10.2f}"
            f"{memory:>11}"
        )
    hours, disk = (sum(row[name] for row in rows) for name in ("hours", "disk_gb"))
    print(f"{'together':<12}{'':>10}{hours:>10.2f}{disk:>10.2f}")
