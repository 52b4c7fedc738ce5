from __future__ import annotations

import json
import os
import pickle
import shutil
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pytest

import gammaflow
from gammaflow.kernels import cache
from gammaflow.kernels.compile import Kernel, kernel

SCRIPT = """
import json, sys
sys.path.insert(0, {root!r})
import numpy as np
from gammaflow.kernels import random
from gammaflow.kernels.cache import cache_folder, is_kept
kept = is_kept(random.fill_normals)
one, two = np.zeros((2, 99))
random.fill_normals(1, 0, 0, one, two)
print(json.dumps({{"block": [*one, *two], "kept": kept, "folder": str(cache_folder()),
                   "now": is_kept(random.fill_normals), "from": random.__file__}}))
"""


def start(root: Path, folder: Path | str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(root=str(root))],
        env={**os.environ, "GAMMAFLOW_CACHE_DIR": str(folder), "GAMMAFLOW_MATH": "", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
    )


def finish(process: subprocess.Popen[str]) -> dict[str, object]:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert err == ""
    return json.loads(out)  # type: ignore[no-any-return]


def copied(folder: Path) -> Path:
    """A folder with the kernels as a package of their own, whose sources a test may edit."""
    source, package = Path(gammaflow.__file__).parent, folder / "gammaflow"
    shutil.copytree(source / "kernels", package / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(source / "errors.py", package)
    (package / "__init__.py").touch()
    return folder


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return copied(tmp_path)


@pytest.mark.slow
def test_an_edited_helper_is_never_served_stale(package: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = finish(start(package, store))
    again = finish(start(package, store))
    assert (first["kept"], first["now"], again["kept"]) == (False, True, True)
    assert Path(str(first["from"])).is_relative_to(package)
    assert again["block"] == first["block"]
    helper = package / "gammaflow" / "kernels" / "elementary.py"
    text = helper.read_text()
    helper.write_text(text.replace("LN2_HIGH = 6.93147180369123816490e-01", "LN2_HIGH = 0.7"))
    edited = finish(start(package, store))
    assert edited["kept"] is False
    assert edited["folder"] != first["folder"]
    assert edited["block"] != first["block"]
    helper.write_text(text)
    assert finish(start(package, store)) == again


@pytest.mark.slow
def test_workers_that_compile_at_once_share_a_sound_cache(package: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    found = [finish(p) for p in [start(package, store) for _ in range(2)]]
    assert all(f["block"] == found[0]["block"] for f in found)
    assert not list(store.rglob("*.tmp.*"))
    (damaged,) = store.rglob("random.fill_normals*.nbc")
    damaged.write_bytes(damaged.read_bytes()[:1000])
    assert finish(start(package, store))["block"] == found[0]["block"]
    assert finish(start(package, store))["block"] == found[0]["block"]


@pytest.fixture(scope="module")
def off(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The result of a process without a cache."""
    return finish(start(copied(tmp_path_factory.mktemp("off")), "off"))


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_costs_a_compilation_only(
    off: dict[str, object], package: Path, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    unwritable = finish(start(package, blocked / "inside"))
    assert unwritable["block"] == off["block"]
    assert off["folder"] == "None"
    assert (off["kept"], off["now"]) == (False, True)


@pytest.mark.slow
def test_plain_functions_give_the_same_numbers(
    off: dict[str, object], package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = finish(start(package, tmp_path, GAMMAFLOW_MATH="plain"))
    stamps = []
    for name in ("", "plain"):
        monkeypatch.setenv("GAMMAFLOW_MATH", name)
        stamps.append(cache.stamp.__wrapped__())
    assert Path(str(plain["folder"])) == tmp_path / stamps[1] != tmp_path / stamps[0]
    np.testing.assert_allclose(plain["block"], off["block"], rtol=1e-12)
    assert plain["block"] != off["block"]


posix = pytest.mark.skipif(sys.platform == "win32", reason="owners and modes of POSIX")


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of this test's kernels."""
    monkeypatch.setenv("GAMMAFLOW_CACHE_DIR", str(tmp_path / "kernels"))
    return tmp_path / "kernels" / cache.stamp()


def doubling() -> Kernel:
    """A kernel as a process finds it that has not called it yet."""

    @kernel("out")
    def double(x, out):
        for i in range(len(x)):
            out[i] = 2.0 * x[i]

    return double


def doubled(loop: Kernel) -> list[float]:
    out = np.zeros(3)
    loop(np.array([1.0, 2.5, -3.0]), out)
    return out.tolist()  # type: ignore[no-any-return]


def folder_of(loop: Kernel) -> Path | None:
    path = loop.compiled.stats.cache_path
    return None if path is None else Path(path)


def test_a_kernel_is_kept_in_a_folder_that_only_the_user_can_write(chosen: Path) -> None:
    before = numba.config.CACHE_DIR
    first = doubling()
    assert before == numba.config.CACHE_DIR
    assert not cache.is_kept(first)
    assert doubled(first) == [2.0, 5.0, -6.0]
    assert cache.is_kept(first)
    assert folder_of(first).is_relative_to(chosen)  # type: ignore[union-attr]
    if sys.platform != "win32":
        assert stat.S_IMODE(chosen.stat().st_mode) == 0o700
    again = doubling()
    assert cache.is_kept(again)
    assert not again.signatures
    assert doubled(again) == [2.0, 5.0, -6.0]
    assert sum(again.compiled.stats.cache_hits.values()) == 1


def test_a_signature_compiled_later_is_kept_too(chosen: Path) -> None:
    def each(loop: Kernel) -> int:
        """Signatures that a process compiles which doubles numbers, then whole ones by `run`."""
        doubled(loop)
        out, whole = np.zeros(2), np.array([3, 4])
        whole.setflags(write=False)
        loop.run(whole, out)
        assert out.tolist() == [6.0, 8.0]
        assert len(loop.signatures) == 2
        return sum(loop.compiled.stats.cache_misses.values())

    assert each(doubling()) == 2
    again = doubling()
    assert cache.is_kept(again)
    assert each(again) == 0


def test_a_dispatcher_is_made_at_the_first_use_once_by_many_threads(chosen: Path) -> None:
    loop = doubling()
    assert "compiled" not in vars(loop)
    assert not chosen.exists()
    start = threading.Barrier(8)

    def use(_: int) -> tuple[int, list[float]]:
        start.wait()
        return id(loop.compiled), doubled(loop)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(use, range(8)))
    assert {dispatcher for dispatcher, _ in found} == {id(loop.compiled)}
    assert all(values == [2.0, 5.0, -6.0] for _, values in found)
    with pytest.raises(AttributeError, match="Kernel has no attribute 'compile'"):
        loop.compile  # noqa: B018


def hits(loop: Kernel) -> int:
    return sum(loop.compiled.stats.cache_hits.values())


def flip(content: bytes, place: int, bit: int) -> bytes:
    changed = bytearray(content)
    changed[place % len(changed)] ^= 1 << bit
    return bytes(changed)


DAMAGES = ("empty", "cut", "text", "flip", "gone", "unreadable", "other")


def damage(file: Path, kind: str, rng: np.random.Generator) -> None:
    content = file.read_bytes()
    if kind == "gone":
        file.unlink()
    elif kind == "unreadable":
        file.unlink()
        file.mkdir()
    else:
        changes = {
            "empty": b"",
            "cut": content[: int(rng.integers(len(content)))],
            "text": b"no pickle at all",
            "flip": flip(content, int(rng.integers(len(content))), int(rng.integers(8))),
            "other": content + b"\0",
        }
        file.write_bytes(changes[kind])


@pytest.mark.parametrize("ending", ["nbi", "nbc", "seal"])
@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_costs_a_compilation(chosen: Path, ending: str, kind: str) -> None:
    if kind == "unreadable" and ending == "seal":
        pytest.skip("a folder in place of the seal stays, and costs a compilation each time")
    assert doubled(doubling()) == [2.0, 5.0, -6.0]
    (file,) = chosen.rglob(f"*double*.{ending}")
    damage(file, kind, np.random.default_rng(5))
    damaged = doubling()
    assert doubled(damaged) == [2.0, 5.0, -6.0]
    assert hits(damaged) == 0
    assert doubled(damaged) == [2.0, 5.0, -6.0]
    if kind != "unreadable":  # a folder in place of a file stays
        healed = doubling()
        assert doubled(healed) == [2.0, 5.0, -6.0]
        assert hits(healed) == 1


def test_random_damages_give_the_right_number(chosen: Path) -> None:
    rng = np.random.default_rng(8)
    compiled = 0
    for _ in range(20):
        loop = doubling()
        assert doubled(loop) == [2.0, 5.0, -6.0]
        compiled += not hits(loop)
        files = sorted(chosen.rglob("*double*"))
        damage(files[int(rng.integers(len(files)))], str(rng.choice(DAMAGES[:5])), rng)
    assert compiled >= 18  # a seal cut at its end is whole: the rest is compiled again


class Planted:
    """An object whose unpickling leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.trace,))


@pytest.mark.parametrize("sealed", [False, True])
def test_a_planted_file_is_not_loaded(chosen: Path, tmp_path: Path, sealed: bool) -> None:
    assert doubled(doubling()) == [2.0, 5.0, -6.0]
    (index,) = chosen.rglob("*double*.nbi")
    index.write_bytes(pickle.dumps(Planted(tmp_path / "ran")))
    if not sealed:
        next(chosen.rglob("*double*.seal")).unlink()
    assert doubled(doubling()) == [2.0, 5.0, -6.0]
    assert not (tmp_path / "ran").exists()


def test_files_of_another_user_are_not_loaded(
    chosen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole and sealed, by another key: a folder of files that came with a repository."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "somebody"))
    assert doubled(doubling()) == [2.0, 5.0, -6.0]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "me"))
    mine = doubling()
    assert doubled(mine) == [2.0, 5.0, -6.0]
    assert hits(mine) == 0
    again = doubling()
    assert doubled(again) == [2.0, 5.0, -6.0]
    assert hits(again) == 1
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "me" / "gammaflow" / "key").stat().st_mode) == 0o600


@posix
@pytest.mark.parametrize("key", ["short", "public", "folder"])
def test_a_key_that_others_may_know_seals_nothing(
    chosen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    place = tmp_path / "gammaflow" / "key"
    place.parent.mkdir()
    if key == "folder":
        place.mkdir()
    else:
        place.write_bytes(b"k" * (32 if key == "public" else 5))
        place.chmod(0o644 if key == "public" else 0o600)
    for _ in range(2):
        loop = doubling()
        assert doubled(loop) == [2.0, 5.0, -6.0]
        assert hits(loop) == 0


def test_a_folder_that_vanishes_costs_a_compilation(chosen: Path) -> None:
    loop = doubling()
    assert folder_of(loop).is_relative_to(chosen)  # type: ignore[union-attr]
    shutil.rmtree(chosen)
    assert doubled(loop) == [2.0, 5.0, -6.0]
    assert cache.is_kept(loop)


def test_a_wrong_call_is_an_error_and_leaves_the_files(chosen: Path) -> None:
    assert doubled(doubling()) == [2.0, 5.0, -6.0]
    with pytest.raises(numba.TypingError):
        doubling()("text", np.zeros(1))
    with pytest.raises(ValueError, match="argument"):
        doubling()(np.ones(1))
    assert len(list(chosen.rglob("*double*.nb?"))) == 2


@posix
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_can_write_is_not_used(chosen: Path, mode: int) -> None:
    chosen.mkdir(parents=True)
    chosen.chmod(mode)
    loop = doubling()
    assert folder_of(loop) is None
    assert doubled(loop) == [2.0, 5.0, -6.0]
    assert not list(chosen.iterdir())


@posix
@pytest.mark.parametrize(("mode", "used"), [(0o777, False), (0o1777, True), (0o755, True)])
def test_a_folder_that_others_can_replace_is_not_used(chosen: Path, mode: int, used: bool) -> None:
    chosen.parent.mkdir()
    chosen.parent.chmod(mode)
    assert (folder_of(doubling()) is not None) == used


@posix
def test_a_folder_of_somebody_else_is_not_used(chosen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen.mkdir(parents=True, mode=0o700)
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    loop = doubling()
    assert folder_of(loop) is None
    assert doubled(loop) == [2.0, 5.0, -6.0]


@posix
def test_a_link_in_place_of_the_folder_is_not_used(chosen: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    chosen.parent.mkdir()
    chosen.symlink_to(tmp_path / "elsewhere")
    assert folder_of(doubling()) is None


def test_where_kernels_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GAMMAFLOW_CACHE_DIR", str(tmp_path))
    assert cache.cache_folder() == tmp_path / cache.stamp()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GAMMAFLOW_CACHE_DIR", "~/kept")
    if sys.platform != "win32":
        assert cache.cache_folder() == tmp_path / "kept" / cache.stamp()
    for off in ("off", "OFF"):
        monkeypatch.setenv("GAMMAFLOW_CACHE_DIR", off)
        assert cache.cache_folder() is None
        assert folder_of(doubling()) is None
    monkeypatch.delenv("GAMMAFLOW_CACHE_DIR")
    for platform, variable, inside in (
        ("linux", "XDG_CACHE_HOME", ""),
        ("win32", "LOCALAPPDATA", ""),
        ("darwin", "HOME", "Library/Caches"),
    ):
        monkeypatch.setattr(sys, "platform", platform)
        monkeypatch.setenv(variable, str(tmp_path))
        assert cache.cache_folder() == tmp_path / inside / "gammaflow" / cache.stamp()
