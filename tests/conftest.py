from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Makes the 50-digit values with mpmath, which the tests do not need.
collect_ignore = ["support/make_reference_values.py"]

# Under CI the examples are the same in every run: a push fails for what it changed. Elsewhere they differ.
settings.register_profile("gammaflow", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("gammaflow")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded market data beside the repository."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("needs the recorded market data in ../shared/data, which is not part of the repository")
    return folder


@pytest.fixture(scope="session")
def every_result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One result by the name of each class of results."""
    from support.results import results

    return results(tmp_path_factory.mktemp("results"))
