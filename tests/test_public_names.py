"""Names that tab completion shows, and the one place that holds the version."""

import tomllib
from pathlib import Path

import pytest

import gammaflow as gf
from gammaflow.market import feeds, readers, repair, store
from gammaflow.pricing import american, barrier, note

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("package", [american, barrier, note, feeds, readers, repair, store])
def test_packages_show_their_public_names(package):
    assert dir(package) == sorted(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)


def test_the_library_shows_its_public_names():
    assert dir(gf) == sorted([*gf.__all__, "__version__"])
    assert all(hasattr(gf, name) for name in dir(gf))


def test_the_version_stands_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "gammaflow.__version__"}
    assert gf.__version__.count(".") == 2
