"""Results of a simulation that was made up: each path a known mix of channels."""

import numpy as np

import gammaflow as gf
from gammaflow.feedback.simulation.channels import CHANNELS
from gammaflow.feedback.simulation.paths import FeedbackPaths
from gammaflow.feedback.simulation.raw_paths import RawPaths
from gammaflow.feedback.simulation.setup import Setup
from gammaflow.feedback.surface.surface import constant_gamma_surface

NAMES = ("deleveraging", "gamma", "liquidations")
PATHS, STEPS, DAYS, SPOT = 400, 48, 2.0, 70_000.0


def made_up_run(setup, channels):
    """Moves in which channels add and multiply: deleveraging sets off gamma, gamma sets off liquidations."""
    rng = np.random.default_rng(setup.seed)
    noise = 0.02 * rng.standard_normal(setup.paths)
    own = dict(zip(NAMES, 0.01 * np.abs(rng.standard_normal((3, setup.paths))), strict=True))
    attribution = np.zeros((setup.paths, len(CHANNELS)))
    attribution[:, -1] = noise
    moved = {name: -own[name] * (name in channels) for name in NAMES}
    moved["gamma"] = moved["gamma"] * (1.0 + 40.0 * np.abs(moved["deleveraging"]))
    moved["liquidations"] = moved["liquidations"] * 90.0 * np.abs(moved["gamma"])
    for name, move in moved.items():
        attribution[:, CHANNELS.index(name)] = move
    x = attribution.sum(axis=1)
    steps = np.linspace(0.0, 1.0, setup.steps + 1)
    path = x[:, None] * steps + 0.005 * np.sin(2.0 * np.pi * steps)
    flows = attribution * 294e8
    flows[:, -1] = 0.0
    none = np.zeros(setup.paths)
    return RawPaths(
        x=x,
        low=path.min(axis=1),
        high=path.max(axis=1),
        low_step=path.argmin(axis=1),
        peak_vol=0.56 + np.abs(x),
        runaway=x < -0.05,
        vol_clipped=np.zeros(setup.paths, np.bool_),
        attribution=attribution,
        flows=flows,
        units=flows / setup.spot,
        pending=np.zeros((setup.paths, 5)),
        delivered=none,
        vol_shift=none,
        frames=path[:, ::4],
        frame_days=np.linspace(0.0, setup.days, setup.steps + 1)[::4],
        daily_units=np.column_stack([flows[:, 1] / setup.spot, -0.5 * flows[:, 1] / setup.spot]),
        basis=none,
        open_interest=0.0,
        path=path if setup.options.get("keep_paths") else None,
    )


def setup_of(channels=NAMES, surface=None, **options):
    return Setup(
        surface=surface or constant_gamma_surface(-100e6, SPOT, days=DAYS),
        impact=gf.impact.linear(294e6, source="a test"),
        channels=channels,
        paths=PATHS,
        steps=STEPS,
        days=DAYS,
        seed=3,
        volatility=0.56,
        beta=-3.0,
        hedge_fraction=0.7,
        run=made_up_run,
        options=options,
        notes=("a note of the run",),
    )


def paths_of(channels=NAMES, **options):
    setup = setup_of(channels, **options)
    return FeedbackPaths(setup, setup.again(channels))
