"""What is trained of a net and how; apart from the training, so that nothing else has to import torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

FINE_TUNE = ("none", "head", "top", "all", "spotify")
LOSSES = ("mse", "contrastive", "wpe")


@dataclass(frozen=True)
class Schedule:
    """How long something is trained, and how fast.

    Attributes
    ----------
    rate
        Of AdamW.
    steps
        At most so many, however many tracks there are, so that the time it takes is bounded.
    warm_up
        Steps until the rate is reached.
    check
        Steps between two looks at the tracks that are set apart.
    patience
        Looks without a smaller error before it ends.
    crops
        Random windows of a track a step.
    """

    rate: float
    steps: int
    warm_up: int = 30
    check: int = 10
    patience: int = 10
    crops: int = 3


_DEEP = {
    "top": Schedule(1e-4, 300, crops=1),
    "all": Schedule(1e-4, 60, warm_up=10, patience=3, crops=1),
    "spotify": Schedule(5e-3, 600, check=20, crops=1),
}
_ENOUGH = 1000
"""Tracks to train a net on that begins from nothing."""

_LAYERS = {"spotify": 2}
"""Hidden layers where no number is asked for; one with every other net."""


@dataclass(frozen=True)
class NetSettings:
    """What is trained of a net and how.

    Attributes
    ----------
    fine_tune
        One of `FINE_TUNE`: nothing, new layers on what the pretrained net hears (`head`), with them its last
        convolutions (`top`), all of it, or another net from nothing (`spotify`).
    loss
        One of `LOSSES`, see `losses`.
    cache_size
        MB of windows that are kept in memory while training.
    hidden
        Units of each new hidden layer; `spotify` has a width of its own.
    input_dropout, dropout
        Shares of the new layers' inputs and of the hidden units that are left out in training.
    weight_decay
        Of AdamW.
    batch
        Tracks a step.
    fewest
        Tracks that it takes to train a net.
    apart
        Share of the tracks that are set apart, to see when to stop.
    head, deep
        Of the new layers, which come first, and of everything that is trained together after that.
    layers
        Hidden layers, between what the convolutions hear and what is foretold.
    """

    fine_tune: str = "none"
    loss: str = "mse"
    cache_size: int = 512
    hidden: int = 256
    input_dropout: float = 0.25
    dropout: float = 0.5
    weight_decay: float = 1e-2
    batch: int = 32
    fewest: int = 30
    apart: float = 0.15
    head: Schedule = field(default_factory=lambda: Schedule(1e-3, 600))
    deep: Schedule = field(default_factory=lambda: _DEEP["top"])
    layers: int = 1

    @classmethod
    def of(cls, fine_tune: str, loss: str, cache_size: int, layers: int | None = None) -> NetSettings:
        """The settings of a mode; where nothing is trained, the others make no difference."""
        if fine_tune == "none":
            return cls()
        fewest = _ENOUGH if fine_tune == "spotify" else cls.fewest
        deep, layers = _DEEP.get(fine_tune, _DEEP["top"]), layers or _own_layers(fine_tune)
        return cls(fine_tune, loss, cache_size, fewest=fewest, deep=deep, layers=layers)

    def kept(self) -> dict[str, Any]:
        """The settings as JSON can hold them.

        The usual number of layers is left out: so it was before another could be asked for, and models of then, with
        their ids, are those of the same settings now.
        """
        kept = asdict(self)
        if self.layers == _own_layers(self.fine_tune):
            del kept["layers"]
        return kept

    @classmethod
    def read(cls, kept: dict[str, Any]) -> NetSettings:
        """The settings again, from what `kept` made of them."""
        parts = {name: Schedule(**kept[name]) for name in ("head", "deep")}
        return cls(**{"layers": _own_layers(kept["fine_tune"]), **kept, **parts})


def _own_layers(fine_tune: str) -> int:
    return _LAYERS.get(fine_tune, 1)
