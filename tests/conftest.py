"""Shared by all rooms: where test doubles live, and Hypothesis without deadlines (the machine is noisy)."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile(
    "tests", deadline=None, max_examples=60, suppress_health_check=list(HealthCheck), derandomize=True
)
settings.load_profile("tests")
