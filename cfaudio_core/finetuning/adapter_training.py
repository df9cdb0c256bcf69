"""Training of an adapter on a library's own structure: which tracks belong together.

Two random views of a track, one of which may be mastered anew, have to come out alike, and so have tracks of one
artist, album, genre or playlist, each as far as it weighs (decoupled supervised contrastive loss: Khosla et al.,
"Supervised contrastive learning", NeurIPS 2020; Yeh et al., "Decoupled contrastive learning", ECCV 2022). Beside that,
the unit latent factors, which tell what is played together, are predicted from what comes out, by their squared error
(van den Oord, Dieleman and Schrauwen, "Deep content-based music recommendation", NIPS 2013). The listeners' preferences
are no target: trained on them, it predicted those for artists that it had not seen worse than without.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from scipy import sparse
from torch import Tensor, nn

from cfaudio_core.features.adapter import Adapter
from cfaudio_core.finetuning.trainer import reproducible
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

WIDTH, HIDDEN = 256, 128
_STEPS = 60
_RATE, _WEIGHT_DECAY, _DROPOUT = 1e-3, 1e-2, 0.1
_TEMPERATURE = 0.2
_GROUPS, _OF_EACH, _OTHERS = 30, 4, 48  # tracks of a batch: so many of so many groups, and others
_FACTORS_WEIGHT = 0.1  # of the loss of factors, against 1 for the contrastive loss
_VIEW_WINDOWS = 3  # of which a view is the mean
_INPUT_LENGTH = 5.0  # root mean square of the features as they come in: the rate is made for this

SAME_TRACK = 1.0
"""Weight of two views of one track in the contrastive loss, against which those of the groups are measured."""


class AdapterData(NamedTuple):
    """What an adapter is trained on: m tracks of a library.

    Attributes
    ----------
    windows
        float32 (m, windows, dim): features of each window.
    remastered
        float32 (m, masterings, dim): features of windows mastered anew, see `augmentation.remaster`; NaN for a track
        that could not be read.
    groups
        float32 CSR (m, groups): the square root of the weight of a group, artist or album or another, where a track
        belongs to it.
    directions
        float32 (m, factors): unit latent factors, zeros for a track of which none are known.
    """

    windows: FloatArray
    remastered: FloatArray
    groups: sparse.csr_array
    directions: FloatArray

    def subset(self, rows: IntArray) -> AdapterData:
        """Take some of the tracks."""
        return AdapterData(self.windows[rows], self.remastered[rows], self.groups[rows], self.directions[rows])


def train_adapter(data: AdapterData, seed: int) -> Adapter:
    """Train an adapter.

    Parameters
    ----------
    data
        Of m tracks.
    seed
        The same seed, data and machine give the same adapter.

    Returns
    -------
    Adapter
        Its output has mean 0 and a mean squared length of 1 over the m tracks.
    """
    rng = np.random.default_rng([seed, 5])
    means = data.windows.mean(axis=1)
    scale = _INPUT_LENGTH / max(float(np.sqrt(np.square(means).sum(axis=1).mean())), 1e-6)
    data = data._replace(windows=data.windows * np.float32(scale), remastered=data.remastered * np.float32(scale))
    axes = _principal_axes(means, WIDTH)
    with reproducible(seed):
        net = _Net(axes, data.directions.shape[1])
        optimiser = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=_WEIGHT_DECAY)
        for _ in range(_STEPS):
            rows = _draw_batch(data.groups, rng)
            optimiser.zero_grad()
            _loss(net, data, rows, rng).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        down, up = net.down, net.up
    nothing = np.zeros(WIDTH, np.float32)
    raw = Adapter(axes, _array(down.weight).T.copy(), _array(down.bias), _array(up.weight).T.copy(), nothing)
    return centre(raw.rescale_input(scale), means)


class _Net(nn.Module):
    """The adapter with linear outputs on top, which are needed in training alone."""

    def __init__(self, axes: FloatArray, n_factors: int) -> None:
        super().__init__()
        self.axes: Tensor
        self.register_buffer("axes", torch.from_numpy(axes))
        self.down = nn.Linear(len(axes), HIDDEN)
        self.up = nn.Linear(HIDDEN, axes.shape[1], bias=False)
        nn.init.zeros_(self.up.weight)  # so that it begins as what the pretrained net makes of a track
        self.dropout = nn.Dropout(_DROPOUT)
        self.outputs = nn.Linear(axes.shape[1], max(n_factors, 1))

    def forward(self, views: Tensor) -> Tensor:
        adapted: Tensor = views @ self.axes + self.up(self.dropout(torch.relu(self.down(views))))
        return adapted


def _loss(net: _Net, data: AdapterData, rows: IntArray, rng: np.random.Generator) -> Tensor:
    """Compute the loss of two random views of each track of a batch."""
    vectors = net(torch.from_numpy(np.concatenate([_views(data, rows, rng, first) for first in (True, False)])))
    both = np.concatenate([rows, rows])
    belongs = data.groups[both]
    weights = np.minimum((belongs @ belongs.T).toarray(), SAME_TRACK)
    weights[both[:, None] == both] = SAME_TRACK
    loss = _contrast(vectors, torch.from_numpy(float32(weights)))
    direction = data.directions[both]
    placed = torch.from_numpy(np.any(direction, axis=1))
    if placed.any():
        errors = (net.outputs(vectors) - torch.from_numpy(direction)) ** 2
        loss = loss + _FACTORS_WEIGHT * errors[placed].sum(dim=1).mean()
    return loss


def _contrast(vectors: Tensor, weights: Tensor) -> Tensor:
    """Compute the decoupled contrastive loss: views that belong together are no negatives of each other."""
    units = F.normalize(vectors, dim=1)
    cosines = units @ units.T / _TEMPERATURE
    itself = torch.eye(len(vectors), dtype=torch.bool)
    weights = weights.masked_fill(itself, 0)
    negatives = cosines.masked_fill(itself | (weights > 0), -torch.inf).logsumexp(dim=1, keepdim=True)
    negatives = torch.where(torch.isfinite(negatives), negatives, torch.zeros_like(negatives))
    return -((weights * (cosines - negatives)).sum(dim=1) / weights.sum(dim=1)).mean()


def _draw_batch(groups: sparse.csr_array, rng: np.random.Generator) -> IntArray:
    """Draw tracks: some of each of several groups, and others beside them."""
    n_tracks = groups.shape[0]
    members = sparse.csc_array(groups)
    sizes = np.diff(members.indptr)
    shared = np.flatnonzero(sizes >= 2)
    drawn = []
    for group in rng.choice(shared, min(_GROUPS, len(shared)), replace=False):
        of_group = members.indices[members.indptr[group] : members.indptr[group + 1]]
        drawn.append(rng.choice(of_group, min(_OF_EACH, len(of_group)), replace=False))
    others = n_tracks if not drawn else _OTHERS
    drawn.append(rng.choice(n_tracks, min(others, n_tracks, _GROUPS * _OF_EACH + _OTHERS), replace=False))
    return np.unique(np.concatenate(drawn)).astype(np.int64)


def _views(data: AdapterData, rows: IntArray, rng: np.random.Generator, original: bool) -> FloatArray:
    """Draw a view of each track, float32 (k, dim): of its windows as they are, or where there is one, mastered anew."""
    n_windows, n_masterings = data.windows.shape[1], data.remastered.shape[1]
    chosen = np.argsort(rng.random((len(rows), n_windows)), axis=1)[:, : min(_VIEW_WINDOWS, n_windows)]
    views = data.windows[rows[:, None], chosen].mean(axis=1)
    if not original and n_masterings:
        remastered = data.remastered[rows, rng.integers(n_masterings, size=len(rows))]
        views = np.where(np.isnan(remastered), views, remastered)
    return float32(views)


def _principal_axes(features: FloatArray, width: int) -> FloatArray:
    """float32 (dim, width): axes along which features vary most, the rest zeros where there are fewer."""
    wide = (features - features.mean(axis=0)).astype(np.float64)
    _, spread, axes = np.linalg.svd(wide, full_matrices=False)
    axes = (axes * (spread > 1e-6 * max(spread[0], 1e-12))[:, None])[:width]
    axes *= np.where(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)] < 0, -1, 1)[:, None]  # one sign anywhere
    return float32(np.pad(axes, ((0, width - len(axes)), (0, 0))).T)


def _array(parameter: Tensor) -> FloatArray:
    return np.array(parameter.detach().numpy(), np.float32)


def centre(adapter: Adapter, features: FloatArray) -> Adapter:
    """Set mean and scale so that features, float32 (n, dim), come out with mean 0 and a mean squared length of 1."""
    raw = adapter._replace(mean=np.zeros(adapter.width, np.float32), scale=np.ones(1, np.float32)).transform(features)
    mean = raw.mean(axis=0)
    length = np.sqrt(np.square(raw - mean).sum(axis=1).mean())
    return adapter._replace(mean=float32(mean), scale=float32([1 / length if length > 1e-6 else 1]))
