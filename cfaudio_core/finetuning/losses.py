"""Losses of a net. Preferences count by their squared error throughout; losses differ in the factors.

- `mse`: the squared error of the unit factors (van den Oord, Dieleman and Schrauwen, NIPS 2013; unit: Dieleman 2014).
- `contrastive`: beside it, a track's prediction must be nearer to its own factors than to those of the others in the
  batch (Yeh, Hong, Hsu, Liu, Chen and LeCun, "Decoupled contrastive learning", ECCV 2022).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from cfaudio_core.data.training_set import Targets
from cfaudio_core.util.arrays import IntArray

Loss = Callable[[Tensor, IntArray], Tensor]
"""Maps predictions (n, outputs) for the tracks at some rows of the targets to a number."""

_TEMPERATURE = 0.1
_CONTRAST = 0.1  # of the contrastive loss, beside the squared error that keeps the length in place


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
