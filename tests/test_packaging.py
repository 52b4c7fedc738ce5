"""The built distributions: what is in them, and that the wheel works without the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import gammaflow as gf

ROOT = Path(gf.__file__).parents[1]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="needs the checkout"),
]
pytest.importorskip("build", reason="needs the package build")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder with the sdist and the wheel made from it, of a copy of the checkout's tracked files."""
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("needs a git checkout")
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return folder / "dist"


@pytest.fixture(scope="module")
def wheel(built):
    return zipfile.ZipFile(next(built.glob("*.whl")))


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(wheel):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    kinds = {".py", ".csv", ".toml", ".html", ".css", ".js", ".json", ".typed"}
    files = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "gammaflow").rglob("*")
        if path.suffix in kinds or path.name == "README.md"
    }
    assert names == {name for name in files if "__pycache__" not in name}
    assert "gammaflow/py.typed" in names


def test_the_sdist_has_what_the_wheel_needs_and_no_half_of_the_tests(built, wheel):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff"} <= names
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} <= names
    assert not [name for name in names if name.startswith(("tests", "docs", "benchmarks", "."))]


def test_the_metadata_are_those_of_the_project(wheel):
    text = next(name for name in wheel.namelist() if name.endswith("METADATA"))
    told = Parser().parsestr(wheel.read(text).decode())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (told["Name"], told["Version"]) == (project["name"], gf.__version__)
    assert told["Requires-Python"] == project["requires-python"]
    assert told["License-Expression"] == project["license"]
    assert set(told.get_all("Provides-Extra")) == set(project["optional-dependencies"])
    assert len(told.get_payload()) > 5_000  # the README


def test_the_wheel_works_from_its_own_folder(wheel, tmp_path):
    wheel.extractall(tmp_path / "site")
    code = (
        "import gammaflow as gf; book = gf.assign_positions(gf.demo_chain());"
        "from gammaflow.market.readers import preset_text; preset_text('orats');"
        "print(gf.__file__); print(gf.aggregate_exposure(book).total()['gamma'])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={
            "PYTHONPATH": str(tmp_path / "site"),
            "PATH": "",
            "GAMMAFLOW_CACHE_DIR": str(tmp_path / "cache"),
            "HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    place, gamma = done.stdout.splitlines()[:2]
    assert place.startswith(str(tmp_path / "site"))
    assert float(gamma) == gf.aggregate_exposure(gf.assign_positions(gf.demo_chain())).total()["gamma"]
