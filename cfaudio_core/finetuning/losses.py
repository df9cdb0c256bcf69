"""What a net is trained to make small. Likings count by their squared error throughout; losses differ in the factors.

- `mse`: the squared error of the unit factors (van den Oord, Dieleman and Schrauwen, NIPS 2013; unit: Dieleman 2014).
- `contrastive`: beside it, a track's prediction must be nearer to its own factors than to those of the others in the
  batch (Yeh, Hong, Hsu, Liu, Chen and LeCun, "Decoupled contrastive learning", ECCV 2022).
- `wpe`: the weighted prediction error of the NIPS paper: how wrong the factors make every cell of the plays.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from cfaudio_core.data.training_set import Targets
from cfaudio_core.util.arrays import IntArray

Loss = Callable[[Tensor, IntArray], Tensor]
"""Of predictions (n, outputs) for the tracks at some rows of the targets."""

_TEMPERATURE = 0.1
_CONTRAST = 0.1  # of the contrastive loss, beside the squared error that keeps the length in place


def make_loss(name: str, targets: Targets, device: str = "cpu") -> Loss:
    """The loss of a name, one of `net_settings.LOSSES`, for these targets."""
    values, weights = (torch.from_numpy(part).to(device) for part in (targets.values, targets.weights))
    listeners = targets.preference.shape[1]
    of_factors: Loss | None = None
    if targets.direction.shape[1]:
        of_factors = {"mse": _squared, "contrastive": _contrastive, "wpe": _prediction_error}[name](targets, device)

    def loss(said: Tensor, rows: IntArray) -> Tensor:
        wrong = said[:, :listeners] - values[rows, :listeners]
        liking = (weights[rows, :listeners] * wrong**2).sum(dim=1).mean()
        if of_factors is None:
            return liking
        return liking + of_factors(said[:, listeners:], rows)

    return loss


def _squared(targets: Targets, device: str) -> Loss:
    direction = torch.from_numpy(targets.direction).to(device)
    return lambda said, rows: ((said - direction[rows]) ** 2).sum(dim=1).mean()


def _contrastive(targets: Targets, device: str) -> Loss:
    direction, squared = torch.from_numpy(targets.direction).to(device), _squared(targets, device)

    def loss(said: Tensor, rows: IntArray) -> Tensor:
        own = direction[rows]
        told = own.norm(dim=1) > 0  # of a track in no context nothing is known
        if told.sum() < 2:
            return squared(said, rows)
        likeness = F.normalize(said[told], dim=1) @ own[told].T / _TEMPERATURE
        others = likeness.masked_fill(torch.eye(len(likeness), dtype=torch.bool, device=device), -torch.inf)
        contrast = others.logsumexp(dim=1) - likeness.diagonal()
        return squared(said, rows) + _CONTRAST * contrast.mean()

    return loss


def _prediction_error(targets: Targets, device: str) -> Loss:
    assert targets.plays is not None
    curvature, slope, level = (torch.from_numpy(part).to(device) for part in targets.plays)

    def loss(said: Tensor, rows: IntArray) -> Tensor:
        curved = torch.einsum("nf,nfg,ng->n", said, curvature[rows], said)
        return (curved - 2 * (slope[rows] * said).sum(dim=1) + level[rows]).mean()

    return loss
