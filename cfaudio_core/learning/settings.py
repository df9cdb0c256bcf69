"""How heads are built and trained; apart from the training, so that nothing else has to import torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HeadSettings:
    """How a head is built and trained.

    Attributes
    ----------
    hidden
        Units of the hidden layer.
    folds
        Heads in the ensemble; each holds out its share of the tracks to know when to stop.
    input_dropout, dropout
        Shares of features and of hidden units left out in training.
    learning_rate, weight_decay
        Of AdamW.
    batch
        Tracks a step.
    epochs
        At most so many passes.
    patience
        Passes without a better held-out error before a head stops.
    """

    hidden: int = 256
    folds: int = 5
    input_dropout: float = 0.25
    dropout: float = 0.5
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    batch: int = 64
    epochs: int = 200
    patience: int = 15
