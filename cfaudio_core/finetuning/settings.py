"""Settings of the nets that are trained on a library; apart from the training, so that nothing else imports torch."""

from __future__ import annotations

from dataclasses import dataclass, field

FINE_TUNE = ("auto", "none", "head", "top", "all", "spotify")
LOSSES = ("mse", "contrastive")


@dataclass(frozen=True)
class Schedule:
    """How long something is trained, and how fast.

    Attributes
    ----------
    rate
        Learning rate of AdamW.
    steps
        Number of steps at most, however many tracks there are, so that the time it takes is bounded.
    warm_up
        Steps until the rate is reached.
    check
        Steps between two looks at the validation tracks.
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
_MIN_TRACKS = {"spotify": 1000}  # of a net that begins from random weights
_LAYERS = {"spotify": 2}  # hidden ones, where no number is asked for


@dataclass(frozen=True)
class NetSettings:
    """Settings of a net, and of its training.

    Attributes
    ----------
    fine_tune
        One of `FINE_TUNE`: an adapter on the pretrained net's features (`auto`, see `adapter_training`), nothing, new
        layers on these features (`head`), with them its last convolutions (`top`), all of it, or another net from
        random weights (`spotify`).
    loss
        One of `LOSSES`, see `trainer`.
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
    min_tracks
        Tracks that it takes to train a net.
    validation
        Share of the tracks that decide when to stop.
    head, deep
        Schedules of the new layers, which come first, and of everything that is trained together after that.
    layers
        Hidden layers between the convolutions and the outputs.
    """

    fine_tune: str = "none"
    loss: str = "mse"
    cache_size: int = 512
    hidden: int = 256
    input_dropout: float = 0.25
    dropout: float = 0.5
    weight_decay: float = 1e-2
    batch: int = 32
    min_tracks: int = 30
    validation: float = 0.15
    head: Schedule = field(default_factory=lambda: Schedule(1e-3, 600))
    deep: Schedule = field(default_factory=lambda: _DEEP["top"])
    layers: int = 1

    @classmethod
    def of(cls, fine_tune: str, loss: str, cache_size: int, layers: int | None = None) -> NetSettings:
        """Make the settings of a mode; where nothing is trained, the others make no difference."""
        if fine_tune in {"auto", "none"}:
            return cls(fine_tune)
        return cls(
            fine_tune,
            loss,
            cache_size,
            min_tracks=_MIN_TRACKS.get(fine_tune, cls.min_tracks),
            deep=_DEEP.get(fine_tune, _DEEP["top"]),
            layers=layers or _LAYERS.get(fine_tune, 1),
        )
