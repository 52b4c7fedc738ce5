"""Folders in which kernels are cached: absolute ones only, never the current one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gammaflow
from gammaflow.errors import GammaflowError
from gammaflow.kernels import cache


@pytest.mark.parametrize("xdg", ["", "cache", "./cache", "~/cache", None])
def test_a_relative_cache_folder_of_the_desktop_counts_as_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, xdg: str | None
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("GAMMAFLOW_CACHE_DIR", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    if xdg is None:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", xdg)
    assert cache.cache_folder() == tmp_path / ".cache" / "gammaflow" / cache.stamp()
    for home in ("", ".", "somewhere"):
        monkeypatch.setenv("HOME", home)
        assert cache.cache_folder() is None
    monkeypatch.delenv("HOME")
    assert cache.cache_folder() is None


@pytest.mark.parametrize("folder", ["gammaflow", "./cache", "..", "~nobody-of-that-name/cache"])
def test_a_relative_folder_is_refused(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.setenv("GAMMAFLOW_CACHE_DIR", folder)
    with pytest.raises(GammaflowError) as caught:
        cache.cache_folder()
    assert str(caught.value) == (
        f"GAMMAFLOW_CACHE_DIR: received {folder!r}; it must be an absolute path, a path below a home such as "
        "~/cache, or 'off'."
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "env",
    [{"XDG_CACHE_HOME": ""}, {"XDG_CACHE_HOME": "."}, {"GAMMAFLOW_CACHE_DIR": "gammaflow"}],
    ids=str,
)
def test_an_import_leaves_nothing_in_the_current_folder(tmp_path: Path, env: dict[str, str]) -> None:
    root = Path(gammaflow.__file__).parents[1]
    clean = {k: v for k, v in os.environ.items() if k not in ("HOME", "GAMMAFLOW_CACHE_DIR")}
    done = subprocess.run(
        [sys.executable, "-c", "import gammaflow; print(gammaflow.__version__)"],
        env={**clean, "PYTHONPATH": str(root), **env},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    if "GAMMAFLOW_CACHE_DIR" in env:
        assert done.stderr.splitlines()[-1].startswith(
            "gammaflow.errors.GammaflowError: GAMMAFLOW_CACHE_DIR: received 'gammaflow'; it must be"
        )
    else:
        assert (done.stdout.strip(), done.stderr) == (gammaflow.__version__, "")
    assert not list(tmp_path.iterdir())
