"""Names that tab completion shows, and the one place that holds the version."""

import inspect
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import gammaflow as gf
from gammaflow.market import feeds, readers, repair, store
from gammaflow.pricing import american, barrier, note

ROOT = Path(__file__).parents[1]


NAMESPACES = [
    gf.filters, gf.classification, gf.beliefs, gf.positioning, gf.venues, gf.dynamics, gf.note_maps,
    gf.conventions, gf.impact, gf.closed_forms, gf.evidence, gf.evidence.tails, gf.evidence.basis,
    gf.studies, gf.studies.event,
    gf.evidence.correlation,
    gf.evidence.etf_flows,
    gf.evidence.open_interest,
    gf.evidence.activity, gf.evidence.holders, gf.evidence.rivals,
    gf.seasons,
]  # fmt: skip


@pytest.mark.parametrize("package", [american, barrier, note, feeds, readers, repair, store, *NAMESPACES])
def test_packages_show_their_public_names(package):
    assert dir(package) == sorted(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)


def test_the_library_shows_its_public_names():
    assert dir(gf) == sorted([*gf.__all__, "__version__"])
    assert all(hasattr(gf, name) for name in dir(gf))


def test_importing_the_library_loads_numba_and_pandas_and_computes_nothing():
    """No library for pictures, networks, clusters, calendars or a terminal, and no part of scipy of ours."""
    code = (
        "import sys, numba, pandas\n"
        "before = set(sys.modules)\n"
        "import gammaflow\n"
        "new = set(sys.modules) - before\n"
        "print(sorted({name.partition('.')[0] for name in new} - set(sys.stdlib_module_names)))\n"
        "print({'gammaflow.report', 'gammaflow.market.feeds', 'gammaflow.calendars'} <= new)\n"
        "print(gammaflow.kernels.american.rule.cache_info().currsize)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['gammaflow']", "True", "0"]


def test_the_version_stands_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "gammaflow.__version__"}
    assert gf.__version__.count(".") == 2
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    assert not [line for line in citation if line.startswith("version:")]


def test_hooks_have_no_version_of_ruff_of_their_own():
    config = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert "repo: local" in config
    assert "rev:" not in config


@pytest.mark.parametrize("name", gf.__all__)
def test_every_public_name_has_an_example(name):
    lines = inspect.getdoc(getattr(gf, name)).splitlines()
    assert "Examples" in lines
    section = lines[lines.index("Examples") :]
    assert section[1] == "--------"
    runs = [line for line in section if line.startswith(">>> ") and "+SKIP" not in line]
    assert runs, f"no example of {name} runs"
