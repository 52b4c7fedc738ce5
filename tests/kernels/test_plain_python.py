"""Every kernel against the same loop run as plain Python, on three rows."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import gammaflow
from gammaflow import kernels
from gammaflow.feedback import deleveraging, impact, liquidations
from gammaflow.feedback.deleveraging import VolatilityTarget
from gammaflow.feedback.simulation.channels import BasisUnwind, DipBuyers, LeveragedFunds, NewTrades
from gammaflow.feedback.simulation.simulate import simulate_feedback
from gammaflow.kernels.american import rule
from gammaflow.kernels.american_rows import series_loop
from gammaflow.kernels.bands import draw_levels, products, short_parts
from gammaflow.kernels.barycentric import barycentric
from gammaflow.kernels.compile import KERNEL, Kernel, frozen, kernel
from gammaflow.kernels.digital import digital_rows
from gammaflow.kernels.gauss import gauss_sweep
from gammaflow.kernels.impact import flows_loop, moves_loop
from gammaflow.kernels.moving import moving_sweep, vol_paths
from gammaflow.kernels.random import fill_normals
from gammaflow.kernels.smile import smile_rows
from gammaflow.kernels.smile_fit import normal_equations
from gammaflow.kernels.sweep import cash_rows
from gammaflow.positions.flow.classification import TAPE_RULES, Layers, classify
from gammaflow.pricing import american, barrier, bsm, note
from gammaflow.pricing.american.boundary import find_boundaries, premiums
from support.feedback_loop import made_up_surface
from support.tape_references import messy_tape

NAMES = [module.name for module in pkgutil.iter_modules(kernels.__path__)]
MODULES = [importlib.import_module(f"gammaflow.kernels.{name}") for name in NAMES]
KERNELS = {k for module in MODULES for k in vars(module).values() if isinstance(k, Kernel)}

ROWS = {
    "S": np.array([90.0, 100.0, 115.0]),
    "K": np.array([100.0, 95.0, 120.0]),
    "t": np.array([0.1, 0.5, 1.5]),
    "r": np.array([0.05, 0.02, 0.04]),
    "sigma": np.array([0.2, 0.35, 0.5]),
    "q": np.array([0.01, 0.03, 0.02]),
}
PHI = np.array([1.0, -1.0, -1.0])
SVI = np.array([[0.01, 0.1, -0.3, 0.02, 0.2], [0.02, 0.15, -0.2, 0.01, 0.3]])


def call_bsm() -> None:
    bsm.greeks(PHI, **ROWS, which=bsm.ALL)
    price = np.array([2.5, 7.0, 30.0])
    bsm.implied_volatility_status(price, *(ROWS[n] for n in ("S", "K", "t", "r", "q")), PHI)


def call_american() -> None:
    american.greeks(PHI, **ROWS, which=american.ALL)
    few = {name: column[:1] for name, column in ROWS.items()}
    american.greeks("p", **(few | {"t": 60.0}), which="price")
    by = rule(8, 8, 24, 1e-5, 4)
    terms = (ROWS[n] for n in ("t", "r", "sigma", "q"))
    found = find_boundaries(PHI, *terms, by)
    slope = 0.1 * found.H
    premiums(np.arange(3), PHI, ROWS["S"], ROWS["K"], found, by, slope)
    series = np.linspace(-1.0, 1.0, 3 * 9 * 4).reshape(3, 9, 4)
    low, high, centre = ROWS["S"] - 20.0, ROWS["S"] + 20.0, np.log(ROWS["S"])
    grid = np.linspace(80.0, 120.0, 5)
    series_loop(
        low, high, centre, np.full(3, 3.0), ROWS["K"], 0.0 * PHI, PHI, np.array([4, 2, 4]),
        np.array([0, 1, 0]), series, np.array([0, 4]), np.array([True, False]), grid, np.log(grid),
        np.zeros((2, 2, 5)),
    )  # fmt: skip


def call_barriers() -> None:
    kinds = np.array(["down-in", "down-out", "up-out"])
    terms = ROWS | {"H": np.array([85.0, 80.0, 140.0])}
    barrier.price("down-in", PHI, **(terms | {"H": 80.0}))
    barrier.price(kinds, PHI, **terms)
    barrier.greeks(kinds, PHI, **terms)
    barrier.greeks(kinds, PHI, **terms, which=barrier.ALL, rebate=2.0)
    barrier.greeks(kinds, PHI, **terms, which=barrier.ALL, rebate=2.0, monitoring="maturity")
    barrier.greeks(kinds, PHI, **terms, which=("price", "vega"), rebate=2.0, monitoring=2, tol=1e-2)
    barrier.knock_in_jump("down-in", "p", *(terms[n] for n in ("K", "H", "t", "r", "sigma", "q")))
    barrier.greeks_local_volatility(
        "down-in", "p", 100.0, 100.0, 80.0, 0.5, 0.03, lambda spots, _: 0.3 - 0.1 * np.log(spots / 100.0),
        nodes=50, steps=10,
    )  # fmt: skip


def call_notes() -> None:
    terms = note.NoteTerms(
        [0.1, 0.6, 1.2], look=True, continuous=False, barrier=70.0, call_level=[110.0, 105.0, np.inf],
        call_pays=1.0, coupon_level=80.0, coupon=0.03, memory=True, edges=[100.0],
        intact=[[1.0, 0.0], [1.0, 0.0]], hit=[[0.0, 0.01], [1.0, 0.0]],
    )  # fmt: skip
    note.value(terms, [75.0, 90.0, 104.0], 0.03, 0.3, 0.01, ("price", "delta"), tol=1e-4)


def call_sums() -> None:
    columns = (PHI, ROWS["S"], ROWS["K"], ROWS["t"], ROWS["r"], ROWS["sigma"], ROWS["q"])
    size = np.array([10.0, -3.0, 7.0])
    cash_rows(*columns, size, np.empty((9, 3)))
    digital_rows(*columns, np.empty((10, 3)))
    x, starts = np.array([-0.1, 0.0, 0.2, 0.0]), np.array([0, 2, 3])
    rows = (PHI, np.array([1.0, 1.01, 0.99]), *columns[2:], size)
    known = np.array([1.0, 0.0, -1.0])  # places at a point and between points, of two panels
    values, panel, place = (
        np.arange(12.0).reshape(2, 2, 3) ** 2,
        np.array([0, 1, 1]),
        np.array([0.5, 0.0, -0.3]),
    )
    barycentric(values, panel, place, known, np.array([0.5, -1.0, 0.5]), np.empty((2, 3)))
    edges = np.array([-1.0, -0.05, -1.0]), np.array([1.0, 1.0, 0.1])
    for low, high in ((None, None), edges):
        out = np.zeros((12, 4))
        gauss_sweep(100.0, x, np.array([0, 3, 4]), starts, *rows, low, high, out, True, True, 3, True)
    spots = 100.0 * np.exp(x[:3])
    motion = (
        np.array([0.05, -0.1, 0.1]), SVI, np.array([0.3, 1.5]), np.array([1.0, 1.1]), 0.7,
        np.array([-0.2, -0.1]), 0.1,
    )  # fmt: skip
    moving_sweep(spots, x[:3], starts, np.array([0, 1, 0]), *rows, *motion, np.zeros((2, 11, 3)), True)
    vol_paths(x[:3], ROWS["sigma"], motion[0], np.array([0, 0, 1]), *motion[1:], *np.empty((2, 3, 3)))


def call_smiles() -> None:
    k = np.array([-0.2, 0.0, 0.3])
    smile_rows(np.array([0, 1, 0]), k, SVI, np.empty((4, 3)))
    theta = np.array([[1.0, 0.4, 0.5, 0.1, 0.3], [0.9, 0.5, 0.3, -0.1, 0.2]])
    normal_equations(
        theta, np.array([0.1, 0.2]), np.array([0, 2, 3]), k / 0.1, np.array([1.1, 1.0, 1.2]), np.ones(3), 0.1,
        0.9 * theta, np.full((2, 5), 0.1), np.array([[-9.0, 0.0, 5.0], [-7.0, 0.1, 4.0]]),
        np.array([[-0.9, 0.0, 0.7]]), 30.0, np.array([0.05, 0.01]),
        np.empty((10, 10)), np.empty(10), np.empty(1),
    )  # fmt: skip


def call_tape() -> None:
    tape = messy_tape(40, 1)
    rules = [TAPE_RULES[name].given(0.6) for name in ("trade_size_own", "emo", "clnv_own", "quote", "depth")]
    classify(tape, Layers([*rules, "lee_ready_own", "tick", "reverse_tick"]))


def call_bands() -> None:
    shares, unit = np.linspace(-1.0, 1.0, 15).reshape(3, 5), np.linspace(0.5, -2.0, 20).reshape(5, 4)
    gamma, x = np.zeros((3, 4)), np.array([80.0, 95.0, 105.0, 120.0])
    products(shares, unit, gamma)
    draw_levels(x, gamma, 100.0, 1e-12, 0.9, 0.01, np.zeros((3, 4)), np.zeros(3, np.int64), np.zeros((3, 9)))
    deep = np.array([[1.0, -1.0, -3.0, 2.0], [-0.001, -1.0, -0.5, -0.001], [-1.0, 1.0, -2.0, -1e-3]])
    draw_levels(x, deep, 100.0, 1e-12, 0.9, 0.01, np.zeros((3, 4)), np.zeros(3, np.int64), np.zeros((3, 9)))
    short_parts(x, gamma, 0.0, np.zeros(3))


def call_impact() -> None:
    sizes = np.array([[1e6, 2e7], [2e6, 3e7]])
    curve = (sizes, np.array([[0.001, 0.02], [0.001, 0.015]]), np.array([[1.0, 0.5], [1.0, 2.0]]))
    x = np.zeros(4)
    moves_loop(np.array([-3e7, -1e5, 0.0, 4e7]), *curve, x, np.zeros(4))
    flows_loop(x, *curve, np.zeros(4))


def call_feedback() -> None:
    fill_normals(5, 2**33, 3, np.zeros(3), np.zeros(3))
    surface = made_up_surface(expiring="delivered")
    other = made_up_surface(2, expiring="delivered")
    root = impact.square_root(20e9, 0.03, source="made up", permanent=0.5, half_life=0.3)
    channels = [
        "gamma", "vanna", "charm", "knock_in", deleveraging.FixedCut(3e8, 0.3), deleveraging.Drawdown(3e8),
        liquidations.pool([9e8, 4e8], [60e3, 70.1e3], [69.9e3, 78e3], ["long", "short"]),
        BasisUnwind(2e8, end=0.5), LeveragedFunds([(2.0, 2e9)]), DipBuyers(1e8), NewTrades(other, end=0.6),
    ]  # fmt: skip
    chosen = {"paths": 1, "steps": 3, "volatility": 0.9, "beta": -2.0, "shock": -4e8}
    simulate_feedback(
        surface, impact=root, channels=channels, depth_withdrawal=0.5, vol_of_vol=0.5, liquidation_steps=2,
        **chosen,
    )  # fmt: skip
    deep, still = impact.linear(1e9, source="made up"), made_up_surface(shift=False)
    simulate_feedback(still, impact=deep, mode="implicit", **chosen)
    simulate_feedback(still, impact=deep, **chosen)


def call_deleveraging() -> None:
    rule = deleveraging.VolatilityTarget(1e9, volatility=0.5)
    rule.flow(volatility=[0.5, 0.9, 0.7], days=[0.0, 1.0, 2.0])

    VolatilityTarget(1e9, volatility=0.5).flow(volatility=[0.5, 0.9, 0.7], days=[0.0, 1.0, 2.0])


CALLS = [
    call_bsm,
    call_american,
    call_barriers,
    call_notes,
    call_sums,
    call_smiles,
    call_tape,
    call_bands,
    call_impact,
    call_deleveraging,
    call_feedback,
]


def copied(argument: object) -> object:
    return argument.copy() if isinstance(argument, np.ndarray) else argument


@pytest.mark.slow
def test_every_kernel_is_its_loop_run_as_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()

    def both(self: Kernel, *args: object) -> object:
        plain = [copied(argument) for argument in args]
        compiled = self.compiled(*args)
        with np.errstate(all="ignore"):
            assert self.py_func(*plain) == compiled
        for name, mine, theirs in zip(self.py_func.__code__.co_varnames, plain, args, strict=False):
            if name in self.writes:
                scale = np.nanmax(np.abs(theirs), initial=0.0, where=np.isfinite(theirs))
                # an error is the difference of two values relative to their size, and as exact as they are
                scale = max(scale, 1e-2) if name == "error" else scale
                close = 1e-11 * scale + 1e-15
                np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=close, err_msg=f"{self} {name}")
        seen.add(self)
        return compiled

    for call in CALLS:
        call()  # compiled while what kernels call is compiled too
    for module in MODULES:
        for name, value in list(vars(module).items()):
            if not isinstance(value, Kernel | type) and hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)
    monkeypatch.setattr(Kernel, "_guarded", both)
    for loop in KERNELS:
        monkeypatch.setattr(loop, "run", loop._first)
    for call in CALLS:
        call()
    assert {loop.__name__ for loop in KERNELS - seen} == set()


def test_kernels_are_handed_what_they_read_as_one_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAMMAFLOW_CACHE_DIR", "off")

    @kernel("out")
    def scaled(x, by, n, out):
        for i in range(n[0]):
            out[i] = by * x[i]

    base = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    strided, locked, half = base[::2], base.copy(), base.astype(np.float32)
    locked.flags.writeable = False
    for x in (base, strided, locked, half, base[::-1], np.ma.array(base)):
        out = np.zeros(3)
        scaled(x, 2.0, np.array([3]), out)
        assert out.tolist() == [2.0 * v for v in np.asarray(x)[:3]]
    assert len(scaled.signatures) == 1
    assert base.flags.writeable
    assert frozen(locked) is locked
    assert np.shares_memory(frozen(base), base)
    assert not frozen(strided).flags.writeable
    assert frozen(strided).flags.c_contiguous
    assert frozen(half).dtype == np.float64
    assert frozen(np.int8([1, -1])).dtype == np.int8
    with pytest.raises(TypeError, match=r"scaled has no parameters \['into'\]"):
        kernel("into")(scaled.py_func)


def test_a_closed_kernel_takes_what_is_writeable_and_is_not_compiled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GAMMAFLOW_CACHE_DIR", "off")
    doubled = Kernel(_double, ("out",), KERNEL, True)
    x = np.array([1.0, 2.0, 3.0])
    locked = frozen(x)
    for first, second in ((x, locked), (locked, x), (x, x)):
        out = np.zeros(3)
        doubled.run(first, second, out)
        assert out.tolist() == [2.0, 4.0, 6.0]
    doubled(x[::-1], np.float32([1.0, 1.0, 1.0]), out)
    assert out.tolist() == [4.0, 3.0, 2.0]
    assert len(doubled.signatures) == 1
    with pytest.raises(TypeError, match="No matching definition"):
        doubled.run(np.zeros(3, np.float32), x, out)


def test_threads_that_call_a_closed_kernel_first_at_the_same_time_agree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GAMMAFLOW_CACHE_DIR", "off")
    doubled = Kernel(_double, ("out",), KERNEL, True)
    ready = threading.Barrier(4)

    def work(k: int) -> list[float]:
        x, out = np.full(2, float(k)), np.zeros(2)
        ready.wait()
        (doubled if k % 2 else doubled.run)(x, x, out)
        return out.tolist()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [[2.0 * k] * 2 for k in range(4)]
    assert len(doubled.signatures) == 1


def _double(x, y, out):
    for i in range(len(out)):
        out[i] = x[i] + y[i]


def test_each_kernel_is_compiled_for_one_signature() -> None:
    """In a process of its own: other tests may have called the kernels otherwise."""
    code = """
import numpy as np
import gammaflow as gf
from gammaflow import american, barrier, bsm
from gammaflow.kernels import gauss, sweep
from gammaflow.market.synthetic import synthetic_chain
from gammaflow.kernels import american as first, american_boundary, american_premium, implied
from gammaflow.kernels import barrier as barriers, bsm as kernels, monitored

for S in (100.0, [100.0, 90.0], np.float32([100.0]), np.arange(1, 4)[::2], np.ones((2, 3))):
    bsm.greeks("c", S, 100, 0.5, 0.03, 0.2, which=bsm.ALL)
    bsm.implied_volatility(1.0, S, 100, 0.5, 0.03, 0.2, 1)
    american.greeks("p", S, 100.0, [[0.5], [90.0]], 0.05, 0.3, which=american.ALL)
    american.implied_volatility(5.0, S, 100.0, [[0.5], [90.0]], 0.05, 0.0, "p")
    barrier.greeks("down-in", "p", S, 100, 80, 0.5, 0.03, 0.2)
    barrier.price("down-in", "p", S, 100, 80, 0.5, 0.03, 0.2, monitoring=2, tol=1e-2)
gf.summarize(synthetic_chain(0))
loops = (
    gauss.gauss_sweep, sweep.cash_rows,
    kernels.default_loop, kernels.higher_loop, implied.implied_loop, first.european_loop, first.strained_loop,
    american_boundary.boundary_loop, american_premium.premium_loop, barriers.greeks_loop,
    monitored.monitored_loop,
)
print([len(loop.signatures) for loop in loops])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([1] * 11)


PLAIN = """
import json
from gammaflow import american, barrier, bsm
from gammaflow.kernels.bsm import default_loop
from gammaflow.kernels.cache import is_kept
found = {
    "kept": is_kept(default_loop),
    "bsm": bsm.greeks(["c", "p"], 100.0, [90.0, 105.0], [0.1, 0.5], 0.03, 0.4, 0.01).block.tolist(),
    "sigma": bsm.implied_volatility([6.0, 8.0], 100.0, 105.0, 0.5, 0.03, 0.01, "p").tolist(),
    "american": float(american.price("p", 95.0, 100.0, 0.5, 0.05, 0.3, 0.02)),
    "barrier": float(barrier.price("down-in", "p", 100.0, 100.0, 70.0, 1.0, 0.04, 0.3, 0.01)),
}
print(json.dumps(found))
"""


def test_everything_works_uncompiled() -> None:
    root = str(Path(gammaflow.__file__).parents[1])
    found = {}
    for switch in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", PLAIN],
            env={**os.environ, "PYTHONPATH": root, "NUMBA_DISABLE_JIT": switch},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")
        found[switch] = json.loads(done.stdout)
    assert found["1"].pop("kept") is True
    found["0"].pop("kept")
    for name, values in found["0"].items():
        np.testing.assert_allclose(found["1"][name], values, rtol=1e-12, err_msg=name)
