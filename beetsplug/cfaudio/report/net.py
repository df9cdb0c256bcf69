"""What the net is to a library: its first-layer filters, and neighbours before and after fine-tuning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cfaudio_core.report.sections.activations import NetOutputs, StoredFeatures, bars, moment, profiles
from cfaudio_core.report.sections.filters import Filter, Kernel, choose, responses
from cfaudio_core.report.sections.learnt import Moment
from cfaudio_core.report.sections.neighbours import FineTuned, fine_tuned
from cfaudio_core.util.arrays import float32

if TYPE_CHECKING:
    from cfaudio_core.data.tracks import Tracks
    from cfaudio_core.models.hybrid_model import HybridModel
    from cfaudio_core.report.page import Report
    from cfaudio_core.report.sections.labels import Labels
    from cfaudio_core.util.arrays import FloatArray

_LABELLED_TRACKS = 30  # that a filter answers most to
_FILTER_TRACKS = 8  # of these, to listen to


@dataclass(frozen=True)
class Stored:
    """What is stored of a library's tracks: how it is read, and what the net makes of it.

    `whole` says that tracks were analysed from beginning to end.
    """

    read: Callable[[list[str]], StoredFeatures]
    outputs: NetOutputs
    whole: bool

    def moments(
        self, tracks: Tracks, some: Sequence[int], project: Callable[[FloatArray], FloatArray]
    ) -> Callable[[int, int, int], Moment]:
        """Read the windows of some tracks, and return what finds the moment of a track, by a column and its sign."""
        found = profiles(self.read(sorted({tracks.keys[i] for i in some})), project)

        def at(track: int, column: int, sign: int) -> Moment:
            values = sign * found[tracks.keys[track]][:, column]
            length = float(tracks.lengths[track])
            return Moment(track, moment(int(values.argmax()), len(values), length, whole=self.whole), bars(values))

        return at


def with_net(
    report: Report,
    labels: Labels,
    stored: Stored,
    kernels: Sequence[Kernel],
    model: HybridModel | None,
    width: int,
) -> Report:
    """Add filters and neighbours to the page; `width` is the number of the net's pooled activations."""
    return replace(
        report,
        filters=_filters(report, labels, stored, kernels, width) if kernels else [],
        fine_tuned=_neighbours(report, labels, stored.outputs.features, model, width),
    )


def _neighbours(
    report: Report, labels: Labels, features: FloatArray, model: HybridModel | None, width: int
) -> FineTuned | None:
    if model is None or not model.feature_space.adapter.width:
        return None
    own = features[:, :width]
    before = float32((own - own.mean(axis=0)) / np.maximum(own.std(axis=0), 1e-3))
    after = model.feature_space.represent(features)
    return fine_tuned(before, after, {kind: labels.of[kind] for kind in ("artist", "genre")}, report.plays <= 0)


def _filters(report: Report, labels: Labels, stored: Stored, kernels: Sequence[Kernel], width: int) -> list[Filter]:
    values = responses(stored.outputs.features, kernels, width)
    chosen = choose(values)
    order = {k: np.argsort(-values[:, k], kind="stable").tolist() for k in chosen}
    tracks = {k: labels.varied(order[k], _FILTER_TRACKS) for k in chosen}
    at = stored.moments(
        report.tracks, [i for k in chosen for i in tracks[k]], lambda roots: responses(roots, kernels, width)
    )

    def names(k: int) -> list[str]:
        top = order[k][: max(min(_LABELLED_TRACKS, len(order[k]) // 5), 3)]
        return [label.name for kind in ("genre", "audio") for label in labels.common(top, kind)]

    return [
        Filter(k, kernels[k].weights, [at(i, k, 1) for i in tracks[k]], list(dict.fromkeys(names(k)))[:3])
        for k in chosen
    ]
