"""Settings of all tests: none of them fails because the machine is busy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("cfaudio", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("cfaudio")


@pytest.fixture(autouse=True, scope="session")
def _no_progress() -> Iterator[None]:
    """What a command prints does not depend on how long it takes, in this process and in those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CFAUDIO_PROGRESS", "off")
        yield
