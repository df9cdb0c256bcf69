"""Settings of all tests: none of them fails because the machine is busy."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

settings.register_profile("cfaudio", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("cfaudio")

# A shell starts background jobs, and all that they start, deaf to ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
