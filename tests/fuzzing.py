"""Settings of property and fuzz tests: examples that stay, so that a failure is the change's, and at night new ones."""

from __future__ import annotations

import os
import random

from hypothesis import HealthCheck, settings

NEW = os.environ.get("FUZZ") == "new"
"""Whether examples are drawn anew, ten times as many (`make test-fuzz`)."""


def fuzz(n_examples: int) -> settings:
    """Make the settings of a test with so many examples."""
    return settings(
        deadline=None,
        max_examples=n_examples * 10 if NEW else n_examples,
        derandomize=not NEW,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def seeds(n: int) -> list[int]:
    """Seeds of so many examples that Hypothesis does not draw, as those of another process."""
    return random.SystemRandom().sample(range(1 << 32), 10 * n) if NEW else list(range(n))
