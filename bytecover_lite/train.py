"""The training loop (book chapter "Training").

Every batch, the learning rate and the weight of each loss are pure functions of (seed, step).
A run therefore needs no state but the weights and the optimiser's moments to be taken up exactly
where it was killed: on a CPU the resumed run equals the undisturbed one bit for bit.
"""

import contextlib
import logging
import math
import os
import time
from dataclasses import replace
from pathlib import Path

import torch

from .allocator import keep_freed_memory
from .coarser import coarsened
from .data import CliqueDataset
from .embed import check_settings, embed_versions
from .errors import BytecoverError
from .files import format_csv, replace_file
from .imprint import imprint
from .lock import Lock
from .losses import multi_loss
from .model import ByteCover, ByteCoverOutput, load_model, save_model
from .optimizers import make_optimizers
from .training_state import load_state, save_state


class TrainingError(BytecoverError):
    """Training cannot start, or had to stop."""


def train(config, store, versions, *, out, accelerator="auto", devices=1, nodes=1, progress=True):
    """Train a ByteCover and keep the best one by validation MAP.

    On a CPU the process keeps the memory that it frees, from here on (`keep_freed_memory`).

    Parameters
    ----------
    config : TrainConfig
        The recipe.
    store : FeatureStore
        Averaged CQTs, made with ``config.model.features`` or with a fraction of their averaging.
    versions : pandas.DataFrame
        Versions table; rows of split ``train`` are trained on, those of split ``validation`` (if
        any) choose the model, all others are left alone.
    out : path-like
        Directory of the run: ``model.safetensors`` (best), ``state.safetensors`` (to resume),
        ``log.csv`` and TensorBoard events. A run found there is continued.
    accelerator, devices, nodes
        As in Lightning Fabric: ``"cpu"``, ``"cuda"`` or ``"auto"``; how many a node; nodes.
        With several processes the batch is divided, and mining sees the whole of it.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    Path
        The checkpoint ``out/model.safetensors``.

    Raises
    ------
    TrainingError
        If there is nothing to train on, validation cannot be scored, the processes cannot share a
        batch evenly, this machine cannot compute as asked, the loss stops being finite (the
        versions of that batch are named), or ``out`` cannot be written; what was saved before is
        continued next time.
    ResumeError, LockError
        If the run in ``out`` has another configuration or is damaged, or is being trained.
    """
    fabric = _launch(accelerator, devices, nodes, config.precision)
    _check_shares(config, fabric.world_size)
    if fabric.device.type == "cpu":
        keep_freed_memory()
    training, validation = _split(versions)
    n_classes = training["clique"].nunique() if config.classification_weight else 0
    shape = replace(config.model, n_classes=n_classes, min_frames=config.crop_frames)
    config = replace(config, model=shape)
    torch.manual_seed(config.seed)
    model = fabric.to_device(ByteCover(config.model))
    store = coarsened(store, config.model.features)
    check_settings(model, store)
    if config.start_from:
        _begin_with(config.start_from, model)
    if fabric.device.type == "cuda":
        model = _for_cuda(model, config, fabric)
    model, *optimizers = fabric.setup(model, *make_optimizers(model, config))
    run = _Run(Path(out), config, fabric, model.module, optimizers)
    with run:
        start = run.resume()
        if run.has_waited:
            return run.checkpoint
        show = progress and not fabric.global_rank
        if config.imprint and not start:
            _imprint(run.model, config, store, training, fabric, show)
        batches = _batches(config, store, training, start, fabric)
        for step, batch in _with_bar(batches, start, config.steps, run, show):
            terms = _step(model, optimizers, batch, step, config, fabric)
            run.log(step, terms)
            if (step + 1) % config.validate_every == 0 or step + 1 == config.steps:
                score = _validate(model.module, store, validation, fabric)
                if not run.keep(step + 1, score):
                    break
        fabric.barrier()
    return run.checkpoint


def learning_rate(step, config):
    """Return the learning rate at ``step``: linear warm-up, then half a cosine to zero."""
    warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
    past = max(0, step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * min(1.0, past)))


def pairwise_weights(step, config):
    """Return the weights of the triplet and of the contrastive term at ``step``.

    The helping term stands in for the triplet term, then hands over to it linearly during the
    second half of ``contrastive_steps``.
    """
    share = 0.0
    if config.contrastive_weight and step < config.contrastive_steps:
        share = min(1.0, 2 * (config.contrastive_steps - step) / config.contrastive_steps)
    return (1 - share) * config.triplet_weight, share * config.contrastive_weight


def _step(model, optimizers, batch, step, config, fabric):
    spectrograms, cliques, names = batch
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["lr"] = learning_rate(step, config) * group.get("scale", 1.0)
    gather = _gatherer(fabric)
    triplet, contrastive = pairwise_weights(step, config)
    total, terms = multi_loss(
        ByteCoverOutput(*map(gather, model(spectrograms))),
        gather(cliques),
        margin=config.margin,
        label_smoothing=config.label_smoothing,
        temperature=config.temperature,
        classification_weight=config.classification_weight,
        triplet_weight=triplet,
        contrastive_weight=contrastive,
    )
    _check_finite("loss", total, step, names)
    model.zero_grad(set_to_none=True)
    fabric.backward(total)
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    _check_finite("gradient", torch.nn.utils.get_total_norm(gradients), step, names)
    for optimizer in optimizers:
        optimizer.step()
    return {"loss": total.item(), **{name: term.item() for name, term in terms.items()}}


def _check_finite(what, value, step, names):
    if not torch.isfinite(value):
        raise TrainingError(
            f"the {what} became {value.item()} at step {step}; versions of the batch: "
            f"{', '.join(names)}. Check their features, lower learning_rate, or compute with "
            "precision 32-true: in bfloat16, crops of few frames fail on some processors"
        )


def _gatherer(fabric):
    def gather(tensor):
        if tensor is None or fabric.world_size == 1:
            return tensor
        gathered = fabric.all_gather(tensor, sync_grads=tensor.requires_grad)  # (W, B, ...)
        return gathered.flatten(0, 1)

    return gather


def _check_shares(config, processes):
    """Refuse a batch of which the processes would get shares of different sizes."""
    rows = config.cliques_per_batch * config.versions_per_clique
    if rows % processes:
        fitting = ", ".join(str(n) for n in range(1, rows + 1) if rows % n == 0)
        raise TrainingError(
            f"a batch of {config.cliques_per_batch} x {config.versions_per_clique} versions cannot "
            f"be shared evenly by {processes} processes: change cliques_per_batch, or use a number "
            f"of processes (devices times nodes) that divides {rows}: {fitting}"
        )


def _launch(accelerator, devices, nodes, precision):
    from lightning_fabric import Fabric
    from lightning_fabric.utilities.exceptions import MisconfigurationException

    if accelerator == "auto":  # Fabric's may be Apple's, where the triplet loss has no gradient
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    if precision == "auto":
        precision = "bf16-mixed" if _computes_in_bfloat16(accelerator) else "32-true"
    strategy = "ddp" if devices * nodes > 1 else "auto"
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces its precision
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=devices,
            num_nodes=nodes,
            strategy=strategy,
            precision=precision,
        )
    except (RuntimeError, ValueError, MisconfigurationException) as error:
        raise TrainingError(
            f"accelerator {accelerator!r} with {devices} devices and precision {precision!r} "
            f"cannot be used here ({error}): give auto, cpu or cuda, and auto, 32-true or "
            "bf16-mixed"
        ) from error
    fabric.launch()
    return fabric


def _for_cuda(model, config, fabric):
    """On a single GPU, record the forward and the backward pass once and replay them.

    A step of a few milliseconds would otherwise wait for the processor to launch its kernels.
    """
    if fabric.world_size > 1:
        return torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
    if model.classifier is None:
        return model  # a recorded pass must give nothing but tensors
    rows = config.cliques_per_batch * config.versions_per_clique
    crop = torch.rand(rows, config.model.features.n_bins, config.crop_frames, device=fabric.device)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with fabric.autocast():
        kind, on = torch.get_autocast_dtype("cuda"), torch.is_autocast_enabled("cuda")
        with torch.autocast("cuda", kind, enabled=on, cache_enabled=False):
            model = torch.cuda.make_graphed_callables(model, (crop,))
    model.load_state_dict(before)  # running it for the record moved the running means
    return model


def _computes_in_bfloat16(accelerator):
    if accelerator != "cpu" and torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()


def _begin_with(path, model):
    """Copy the weights of a checkpoint, all but its classifier's."""
    earlier = load_model(path)
    theirs, ours = (_shape(one.config) for one in (earlier, model))
    if theirs != ours:
        raise TrainingError(f"start_from {path} holds {theirs}, this recipe builds {ours}")
    weights = earlier.state_dict()
    kept = {name: w for name, w in model.state_dict().items() if name.startswith("classifier.")}
    model.load_state_dict(weights | kept)


def _shape(config):
    """Return what decides the shapes and the meaning of the weights, but for time's scale."""
    frames = replace(config.features, averaging=1)
    return replace(config, n_classes=0, min_frames=1, features=frames)


def _split(versions):
    training = versions[versions["split"] == "train"].reset_index(drop=True)
    validation = versions[versions["split"] == "validation"].reset_index(drop=True)
    if training.empty:
        raise TrainingError("the versions table has no row of split 'train': nothing to train on")
    shared = set(training["clique"]) & set(versions.loc[versions["split"] != "train", "clique"])
    if shared:
        raise TrainingError(
            f"{len(shared)} works are in the training split and in another one, "
            f"the first is {min(shared)!r}: a work belongs to one split"
        )
    if len(validation) and validation["clique"].is_unique:
        raise TrainingError(
            "no work of the split 'validation' has two versions, so no MAP can be measured on it: "
            "add versions, or leave these rows out to train without validation"
        )
    return training, validation


def _imprint(model, config, store, training, fabric, show):
    """Imprint from the epoch after the run's last one: none of its crops is met in training."""
    dataset = _dataset(config, store, training)
    epoch = dataset.sampler.steps_per_epoch
    first = -(-config.steps // epoch) * epoch
    steps = range(first, first + epoch)
    with fabric.autocast():
        imprint(
            model,
            dataset,
            steps,
            temperature=config.temperature,
            device=fabric.device,
            progress=show,
        )


def _dataset(config, store, training):
    return CliqueDataset(
        store,
        training,
        cliques_per_batch=config.cliques_per_batch,
        versions_per_clique=config.versions_per_clique,
        crop_frames=config.crop_frames,
        augmentation=config.augmentation,
        seed=config.seed,
    )


def _batches(config, store, training, start, fabric):
    dataset = _dataset(config, store, training)
    on_gpu = fabric.device.type == "cuda"
    loader = torch.utils.data.DataLoader(
        dataset,
        batch_size=None,
        sampler=range(start, config.steps),
        num_workers=min(8, os.cpu_count() or 1) if on_gpu else 0,
        pin_memory=on_gpu,
    )
    for spectrograms, cliques, names in loader:
        mine = slice(fabric.global_rank, None, fabric.world_size)
        yield (
            spectrograms[mine].to(fabric.device, non_blocking=True),
            cliques[mine].to(fabric.device, non_blocking=True),
            names,
        )


def _with_bar(batches, start, steps, run, show):
    from tqdm import tqdm

    with tqdm(total=steps, initial=start, desc="train", unit="step", disable=not show) as bar:
        for step, batch in enumerate(batches, start):
            yield step, batch
            bar.set_postfix(run.latest, refresh=False)
            bar.update()


def _validate(model, store, validation, fabric):
    if validation.empty or fabric.global_rank:
        return None
    from .retrieval import evaluate_embeddings

    embeddings = embed_versions(model, store, validation["version"], device=str(fabric.device))
    return evaluate_embeddings(embeddings.vectors, list(validation["clique"])).map


class _Run:
    """The directory of one training run: log, best model, state to resume from."""

    def __init__(self, directory, config, fabric, model, optimizers):
        self.directory, self.config, self.fabric = directory, config, fabric
        self.model, self.optimizers = model, optimizers
        self.checkpoint = directory / "model.safetensors"
        self.best, self.waited, self.latest, self.rows = -1.0, 0, {}, []
        self.written, self._lock = 0, None
        self.began = time.monotonic()

    def __enter__(self):
        """Make the directory and keep other runs out of it."""
        if self.fabric.global_rank == 0:
            with self._writing():
                self.directory.mkdir(parents=True, exist_ok=True)
                self._lock = Lock(self.directory / "lock")
        return self

    def __exit__(self, kind, error, traceback):
        """Let others in."""
        if self._lock:
            self._lock.close()

    def resume(self):
        """Load the state found in the directory; return the step to start at."""
        state = load_state(
            self.directory / "state.safetensors", self.config, self.model, self.optimizers
        )
        if state is None:
            return 0
        self.best, self.waited, self.rows = state["best"], state["waited"], state["rows"]
        self.written = len(self.rows)
        self.began -= state["seconds"]
        return state["step"]

    def log(self, step, terms):
        """Remember one step's losses (mean over processes is not taken: rank 0 speaks)."""
        self.latest.update({name: f"{value:.3f}" for name, value in terms.items()})
        self.rows.append({"step": step, **terms})

    def keep(self, step, score):
        """Save state and log, and the model if it is the best; return whether to go on."""
        score = self.fabric.broadcast(score)
        better = score is None or score > self.best
        self.waited = 0 if better else self.waited + 1
        self.best = self.best if not better or score is None else score
        if score is not None:
            self.latest["MAP"] = f"{score:.3f}"
            self.rows[-1]["validation_map"] = score
        if self.fabric.global_rank == 0:
            with self._writing():
                self._save(step, better)
        return not self.has_waited

    @property
    def has_waited(self):
        """Whether so many validations found no better model that the run has ended early."""
        return bool(self.config.patience) and self.waited >= self.config.patience

    def _save(self, step, better):
        """Write everything; the state comes last, so that what it promises is there."""
        if better:
            save_model(self.model, self.checkpoint)
        self._write_log()
        facts = {"step": step, "best": self.best, "waited": self.waited, "rows": self.rows}
        facts["seconds"] = time.monotonic() - self.began  # of all processes that continued it
        path = self.directory / "state.safetensors"
        save_state(path, self.config, self.model, self.optimizers, facts)

    @contextlib.contextmanager
    def _writing(self):
        try:
            yield
        except OSError as error:
            raise TrainingError(
                f"{self.directory}: cannot be written ({error.strerror}); mend that and run the "
                "same command again, it goes on from the last state that was saved"
            ) from error

    def _write_log(self):
        from tensorboardX import SummaryWriter

        names = ["step", "loss", "classification", "triplet", "contrastive", "validation_map"]
        table = [[row.get(name, "") for name in names] for row in self.rows]
        replace_file(self.directory / "log.csv", format_csv(names, table))
        with SummaryWriter(str(self.directory / "tensorboard"), flush_secs=1) as events:
            for row in self.rows[self.written :]:
                for name in set(row) - {"step"}:
                    events.add_scalar(name, row[name], row["step"])
        self.written = len(self.rows)
