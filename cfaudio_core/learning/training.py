"""The training of a head on the net's features: one hidden layer that maps sound to preference and latent factors.

Trained with the mean squared error on unit-length factors, as van den Oord, Dieleman and Schrauwen ("Deep content-based
music recommendation", NIPS 2013; unit length: Dieleman 2014), beside the listeners' preferences: the direction of a
factor tells what a track belongs with, but not whether it is liked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg import block_diag
from torch import nn

from cfaudio_core.learning.dataset import Targets
from cfaudio_core.learning.prediction import HeadState, predict
from cfaudio_core.learning.settings import HeadSettings
from cfaudio_core.tracks import FloatArray, IntArray


class Ensemble(NamedTuple):
    """Heads, each trained without another part of the tracks.

    Attributes
    ----------
    states
        A head's arrays by name, one dict a head.
    fold
        int64 (m,): the head that did not see the track in training.
    held_out
        float32 (m, outputs): what that head predicts for it.
    """

    states: list[HeadState]
    fold: IntArray
    held_out: FloatArray


def train(
    features: FloatArray,
    targets: Targets,
    settings: HeadSettings,
    seed: int,
    on_progress: Callable[[int], None] = lambda n: None,
) -> Ensemble:
    """Train an ensemble of heads.

    Parameters
    ----------
    features
        float32 (m, dim), standardised.
    targets
        What to predict of the same m tracks.
    settings
        How to train.
    seed
        The same seed, data and machine give the same heads.
    on_progress
        Called with 1 after each head.
    """
    rng = np.random.default_rng(seed)
    fold = (rng.permutation(len(features)) % settings.folds).astype(np.int64)
    values, weights = torch.from_numpy(targets.values), torch.from_numpy(targets.weights)
    x = torch.from_numpy(np.ascontiguousarray(features))
    held_out = np.zeros(values.shape, np.float32)
    states = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # layers this small gain nothing from more, and lose determinism
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for k in range(settings.folds):
                inside = torch.from_numpy(np.flatnonzero(fold != k))
                outside = torch.from_numpy(np.flatnonzero(fold == k))
                state = _train_one(x, values, weights, inside, outside, settings)
                held_out[outside.numpy()] = predict([state], features[outside.numpy()])
                states.append(state)
                on_progress(1)
    finally:
        torch.set_num_threads(threads)
    return Ensemble(states, fold, held_out)


def join(ensembles: Sequence[Ensemble]) -> Ensemble:
    """One ensemble with the outputs of all, side by side; its heads are the others' beside each other.

    Parameters
    ----------
    ensembles
        At least one, trained on the same tracks with the same settings and seed, so that their folds are the same.
    """
    states = []
    for parts in zip(*(ensemble.states for ensemble in ensembles), strict=True):
        state = {
            name: np.concatenate([part[name] for part in parts])
            for name in ("hidden.weight", "hidden.bias", "output.bias")
        }
        state["output.weight"] = block_diag(*(part["output.weight"] for part in parts)).astype(np.float32)
        states.append(state)
    held_out = np.hstack([ensemble.held_out for ensemble in ensembles])
    return Ensemble(states, ensembles[0].fold, held_out)


class _Head(nn.Module):
    def __init__(self, dim: int, outputs: int, settings: HeadSettings) -> None:
        super().__init__()
        self.input_dropout = nn.Dropout(settings.input_dropout)
        self.hidden = nn.Linear(dim, settings.hidden)
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(settings.hidden, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(self.dropout(torch.relu(self.hidden(self.input_dropout(x)))))  # type: ignore[no-any-return]


def _train_one(
    x: torch.Tensor,
    values: torch.Tensor,
    weights: torch.Tensor,
    inside: torch.Tensor,
    outside: torch.Tensor,
    settings: HeadSettings,
) -> HeadState:
    """Train on the tracks `inside`; the state with the least error on those `outside` is kept."""
    head = _Head(x.shape[1], values.shape[1], settings)
    optimiser = torch.optim.AdamW(
        head.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, foreach=True
    )
    best, best_state, waited = float("inf"), _arrays(head), 0
    for _ in range(settings.epochs):
        head.train()
        for batch in torch.split(inside[torch.randperm(len(inside))], settings.batch):
            optimiser.zero_grad()
            _loss(head(x[batch]), values[batch], weights[batch]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        head.eval()
        with torch.inference_mode():
            error = _loss(head(x[outside]), values[outside], weights[outside]).item()
        if error < best - 1e-4:
            best, best_state, waited = error, _arrays(head), 0
        else:
            waited += 1
            if waited > settings.patience:
                break
    return best_state


def _loss(predicted: torch.Tensor, values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    return (weights * (predicted - values) ** 2).sum(dim=1).mean()


def _arrays(head: nn.Module) -> HeadState:
    return {name: tensor.detach().numpy().copy() for name, tensor in head.state_dict().items()}
