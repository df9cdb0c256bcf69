"""Training of a net on a library: windows of its known tracks in, preferences and factors out.

As van den Oord, Dieleman and Schrauwen ("Deep content-based music recommendation", NIPS 2013): random windows of a
track in training, the mean over all of them when predicting; factors at unit length, and the mean inside the net
(Dieleman, "Recommending music on Spotify with deep learning", 2014). The listeners' preferences are outputs beside
the factors: a direction tells what a track belongs with, and not whether it is liked.

Preferences count by their squared error throughout; losses differ in the factors:

- `mse`: the squared error of the unit factors.
- `contrastive`: beside it, a track's prediction must be nearer to its own factors than to those of the others in the
  batch (Yeh, Hong, Hsu, Liu, Chen and LeCun, "Decoupled contrastive learning", ECCV 2022).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from cfaudio_core.backbones.spotify import Spotify
from cfaudio_core.data.training_set import Targets
from cfaudio_core.finetuning.networks import DeepNet, Head, Trainable, net_state
from cfaudio_core.finetuning.settings import NetSettings, Schedule
from cfaudio_core.util.arrays import FloatArray, IntArray

State = dict[str, FloatArray]
"""Parameters of a trained net, by name."""

Loss = Callable[[Tensor, IntArray], Tensor]
"""Maps predictions (n, outputs) for the tracks at some rows of the targets to a number."""

Windows = npt.NDArray[np.floating[Any]]
"""Inputs of a net: (tracks, windows, ...)."""

_BATCH_TRACKS = 8  # when predicting
_VALIDATION_WINDOWS = 3  # of each validation track, evenly chosen
_MAX_VALIDATION_TRACKS = 200
_TEMPERATURE = 0.1
_CONTRAST = 0.1  # of the contrastive loss, beside the squared error that keeps the length in place


def train(
    make: Callable[[], Trainable],
    windows: Windows,
    targets: Targets,
    fold: IntArray,
    settings: NetSettings,
    seed: int,
    on_progress: Callable[[int], None] = lambda n: None,
) -> tuple[list[State], FloatArray]:
    """Train a net without each fold of the tracks in turn: its new layers first, then all of it.

    When to stop is decided on validation tracks among those that a net may see, never on the fold that it is to be
    evaluated on: a net that stops where it does best there would look better than it is.

    Parameters
    ----------
    make
        Makes an untrained net.
    windows, targets, fold
        Of m tracks: the net's inputs, float16 (m, windows, ...), the targets, and int64 (m,): tracks with one number
        are held out together.
    settings, seed
        Of the training. The same seed, data and machine give the same nets.
    on_progress
        Called with 1 after each net.

    Returns
    -------
    tuple
        The nets, one a fold, and float32 (m, outputs): predictions for each track by the net that has not seen it.
    """
    held_out = np.zeros_like(targets.values)
    states: list[State] = []
    features: Windows | None = None
    with reproducible(seed):
        for k in np.unique(fold):
            inside = np.random.default_rng([seed, int(k)]).permutation(np.flatnonzero(fold != k))
            n_validation = min(max(int(len(inside) * settings.validation), 1), _MAX_VALIDATION_TRACKS)
            rows = inside[n_validation:], inside[:n_validation]
            net = make().to(device())
            loss = make_loss(settings.loss, targets, device())
            if isinstance(net, DeepNet):
                if features is None:
                    features = _in_batches(net, net.features, windows).astype(np.float16)
                _fit(net.head, features, rows, loss, settings, settings.head, seed + int(k))
                _fit(net, windows, rows, loss, settings, settings.deep, seed + int(k))
            else:
                schedule = settings.head if isinstance(net, Head) else settings.deep
                _fit(net, windows, rows, loss, settings, schedule, seed + int(k))
            held_out[fold == k] = predict(net, windows[fold == k])
            states.append(net_state(net))
            on_progress(1)
    return states, held_out


def predict(net: Trainable, windows: Windows) -> FloatArray:
    """Predict tracks from all their windows, (n, windows, ...): float32 (n, outputs)."""
    return _in_batches(net, net, windows)


def device() -> str:
    """Name the device that nets are trained on."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def _in_batches(net: Trainable, part: Callable[[Tensor], Tensor], windows: Windows) -> FloatArray:
    net.eval()
    with torch.inference_mode():
        starts = range(0, len(windows), _BATCH_TRACKS)
        outputs = [part(_tensor(windows[at : at + _BATCH_TRACKS])).cpu() for at in starts]
    return np.asarray(torch.cat(outputs).numpy(), np.float32)


def _fit(
    net: Trainable,
    windows: Windows,
    rows: tuple[IntArray, IntArray],
    loss: Loss,
    settings: NetSettings,
    schedule: Schedule,
    seed: int,
) -> None:
    """Train on the first of two sets of tracks; the net is left as it was when it erred least on the other."""
    inside, validation = rows
    each = windows.shape[1]
    some = np.unique(np.linspace(0, each - 1, min(each, _VALIDATION_WINDOWS)).round().astype(int))
    validation_windows = windows[validation][:, some]
    rng = np.random.default_rng(seed)
    optimiser: torch.optim.Optimizer
    if isinstance(net, Spotify):  # as it was trained in the original
        decay = settings.weight_decay * 1e-2  # not decoupled from the slope here
        optimiser = torch.optim.SGD(net.parameters(), schedule.rate, 0.9, weight_decay=decay, nesterov=True)
    else:
        optimiser = torch.optim.AdamW(net.parameters(), schedule.rate, weight_decay=settings.weight_decay)
    best, best_state, waited = _error(net, validation_windows, loss, validation), _copy(net), 0
    order = inside[:0]
    for step in range(1, schedule.steps + 1):
        if not len(order):
            order = rng.permutation(inside)
        batch, order = order[: settings.batch], order[settings.batch :]
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate * min(1.0, step / schedule.warm_up)
        net.train()
        optimiser.zero_grad()
        crops = rng.integers(each, size=(len(batch), schedule.crops))
        loss(net(_tensor(windows[batch[:, None], crops])), batch).backward()  # type: ignore[no-untyped-call]
        if isinstance(net, Spotify):  # without any normalisation in it, a single steep step would end it
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        if step % schedule.check == 0:
            error = _error(net, validation_windows, loss, validation)
            if error < best:
                best, best_state, waited = error, _copy(net), 0
            elif (waited := waited + 1) > schedule.patience:
                break
    net.load_state_dict(best_state)


def _error(net: Trainable, windows: Windows, loss: Loss, rows: IntArray) -> float:
    with torch.inference_mode():
        return loss(torch.from_numpy(predict(net, windows)).to(device()), rows).item()


def _tensor(windows: Windows) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(windows, np.float32)).to(device())


def _copy(net: Trainable) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Use one thread, whose sums are always in the same order, and a seed that nothing outside sees."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def make_loss(name: str, targets: Targets, device: str = "cpu") -> Loss:
    """Make a loss by its name, one of `settings.LOSSES`, for these targets."""
    values, weights = (torch.from_numpy(part).to(device) for part in (targets.values, targets.weights))
    listeners = targets.preference.shape[1]
    of_factors: Loss | None = None
    if targets.direction.shape[1]:
        of_factors = {"mse": _squared, "contrastive": _contrastive}[name](targets, device)

    def loss(predictions: Tensor, rows: IntArray) -> Tensor:
        residuals = predictions[:, :listeners] - values[rows, :listeners]
        of_preferences = (weights[rows, :listeners] * residuals**2).sum(dim=1).mean()
        if of_factors is None:
            return of_preferences
        return of_preferences + of_factors(predictions[:, listeners:], rows)

    return loss


def _squared(targets: Targets, device: str) -> Loss:
    direction = torch.from_numpy(targets.direction).to(device)
    return lambda predictions, rows: ((predictions - direction[rows]) ** 2).sum(dim=1).mean()


def _contrastive(targets: Targets, device: str) -> Loss:
    direction, squared = torch.from_numpy(targets.direction).to(device), _squared(targets, device)

    def loss(predictions: Tensor, rows: IntArray) -> Tensor:
        own = direction[rows]
        known = own.norm(dim=1) > 0  # of a track in no context nothing is known
        if known.sum() < 2:
            return squared(predictions, rows)
        cosines = F.normalize(predictions[known], dim=1) @ own[known].T / _TEMPERATURE
        others = cosines.masked_fill(torch.eye(len(cosines), dtype=torch.bool, device=device), -torch.inf)
        contrast = others.logsumexp(dim=1) - cosines.diagonal()
        return squared(predictions, rows) + _CONTRAST * contrast.mean()

    return loss
