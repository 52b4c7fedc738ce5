"""A model of the page made by hand: small, seeded, and every control has a view or a reason."""

from __future__ import annotations

from typing import Any

import numpy as np

HOSTILE = "<img src=x onerror=\"problems.push('markup ran')\"><script>problems.push('script ran')</script>"
SELECTIONS = ("all", "next", "later", "week", "monthly")
RULES = ("calls_long_puts_short", "short_all")
DYNAMICS = ("sticky_strike", "sticky_delta")
UNITS = {"gamma": "USD per +1 % spot", "vanna": "USD per +1 vol point", "charm": "USD per day"}


def hand_model(
    seed: int = 0, *, symbol: str = "SPX", currency: str = "USD", spot: float = 4505.1
) -> dict[str, Any]:
    """A model with every key of the page; the second rule with moving vol was not computed."""
    rng = np.random.default_rng(seed)
    days = [0.7, 4.7, 8.0, 15.0, 36.0, 64.0]
    expiries = [
        {
            "expiry": f"2023-{9 + i // 3:02d}-{15 + i:02d}T20:00:00Z",
            "label": f"{15 + i} {'Sep' if i < 3 else 'Oct'}",
            "days": left,
            "settles": "AM" if i == 0 else "PM",
            "monthly": i in (0, 4),
        }
        for i, left in enumerate(days)
    ]
    strikes = np.arange(3900.0, 5105.0, 5.0)
    rows = [(K, i, side) for K in strikes for i in range(len(days)) for side in ("call", "put")]
    K, at, side = (np.array(column) for column in zip(*rows, strict=True))
    width = 40.0 + 60.0 * np.sqrt(np.array(days))[at]
    round_strike = 1.0 + 5.0 * (K % 50 == 0) + 6.0 * (K % 100 == 0)
    interest = np.round(
        rng.gamma(0.6, 900.0, len(K)) * round_strike * np.where(side == "call", K > 4450, K < 4560)
    )
    shape = interest * np.exp(-0.5 * ((K - spot) / width) ** 2) / width * spot**2 / 12.0
    sign = {"calls_long_puts_short": np.where(side == "call", 1.0, -1.0), "short_all": -np.ones(len(K))}
    table = {
        rule: {
            "strike": K.tolist(),
            "expiry": at.tolist(),
            "side": side.tolist(),
            "gamma": (sign[rule] * shape).tolist(),
            "vanna": (sign[rule] * shape * (K - spot) / 900.0).tolist(),
            "charm": (sign[rule] * shape * (spot - K) / 300.0).tolist(),
            "open_interest": interest.tolist(),
            "volume": None,
        }
        for rule in RULES
    }
    chosen = {
        "all": at >= 0,
        "next": at == 0,
        "later": at > 0,
        "week": np.array(days)[at] <= 7.0,
        "monthly": np.isin(at, (0, 4)),
    }
    views = {
        f"{rule}|{dynamics}|{selection}": _view(
            spot,
            K[mask],
            side[mask],
            (sign[rule] * shape)[mask],
            width[mask],
            0.02 * (dynamics != "sticky_strike"),
        )
        for rule in RULES
        for dynamics in DYNAMICS
        if (rule, dynamics) != (RULES[1], DYNAMICS[1])
        for selection, mask in chosen.items()
    }
    return {
        "version": 1,
        "title": f"{symbol} dealer gamma",
        "symbol": symbol,
        "spot": spot,
        "currency": currency,
        "asof": "2023-09-14T20:31:00Z",
        "asof_text": "14 Sep 2023 16:31 ET (20:31 UTC)",
        "vendor": "cboe",
        "signed": True,
        "synthetic": True,
        "quotes": {"age_hours": 0.3, "text": "quotes 0.3 h old"},
        "score": {"value": 29, "text": "data score 29, low: no forwards", "level": "low"},
        "rule": RULES[0],
        "rule_text": "calls long, puts short",
        "dynamics": DYNAMICS[0],
        "dynamics_text": "vol of a strike stays",
        "filters": [],
        "facts": [["currency", currency], ["model", "made by hand"]],
        "banners": [{"kind": "synthetic", "text": "Synthetic data: made by hand."}],
        "units": {name: unit.replace("USD", currency) for name, unit in UNITS.items()},
        "regime": views[f"{RULES[0]}|{DYNAMICS[0]}|all"]["regime"],
        "sigma": {
            "day": 0.006,
            "low": spot * np.exp(-0.006),
            "high": spot * np.exp(0.006),
            "vol": 0.115,
            "source": "ATM",
        },
        "expiries": expiries,
        "selections": list(SELECTIONS),
        "selection_labels": {
            "all": "All",
            "next": "Next: 15 Sep",
            "later": "All but next",
            "week": "7 days",
            "monthly": "Monthly",
        },
        "rules": list(RULES),
        "dynamics_names": list(DYNAMICS),
        "default": {
            "rule": RULES[0],
            "dynamics": DYNAMICS[0],
            "selection": "all",
            "measure": "gamma",
            "range": "5",
        },
        "strikes": table,
        "views": views,
        "sections": {},
    }


def _view(spot: float, K: Any, side: Any, gamma: Any, width: Any, tilt: float) -> dict[str, Any]:
    spots = spot * np.exp(np.linspace(-0.2, 0.2, 161))
    curve = np.array(
        [
            (gamma * np.exp(-0.5 * ((K - S) / width) ** 2 + 0.5 * ((K - spot) / width) ** 2)).sum()
            for S in spots
        ]
    )
    curve = np.clip(curve, -1e3 * np.abs(gamma).sum(), 1e3 * np.abs(gamma).sum()) * (1.0 + tilt)
    steps = -0.5 * (curve[1:] + curve[:-1]) * np.diff(np.log(spots)) * 100.0
    traded = np.concatenate([[0.0], np.cumsum(steps)])
    traded = traded - np.interp(spot, spots, traded)
    turns = np.flatnonzero(curve[:-1] * curve[1:] < 0)
    flips = [
        {
            "spot": float(spots[i] - curve[i] * (spots[i + 1] - spots[i]) / (curve[i + 1] - curve[i])),
            "slope": float(np.sign(curve[i + 1] - curve[i])),
        }
        for i in turns
    ]
    strikes = np.unique(K)
    by_strike = np.array([gamma[strike == K].sum() for strike in strikes])
    net, gross = float(gamma.sum()), float(np.abs(gamma).sum())
    deepest = int(np.argmin(curve))
    zones = []
    if curve[deepest] < 0:
        inside = np.flatnonzero(curve < 0.9 * curve[deepest])
        below = np.flatnonzero(curve < 0)
        zones = [
            {
                "low": float(spots[below[0]]),
                "high": float(spots[below[-1]]),
                "low_end": "open",
                "high_end": "flip",
                "core": [float(spots[inside[0]]), float(spots[inside[-1]])],
                "trough": {"spot": float(spots[deepest]), "gamma": float(curve[deepest])},
                "flow": -1e9,
            }
        ]
    named = [
        ("spot", "Spot", "", spot, "spot"),
        ("sigma_high", "One-day move up", "", spot * np.exp(0.006), "sigma"),
        ("sigma_low", "One-day move down", "", spot * np.exp(-0.006), "sigma"),
        ("call_wall_net", "Call wall", "net", float(strikes[np.argmax(by_strike)]), "wall"),
        ("put_wall_net", "Put wall", "net", float(strikes[np.argmin(by_strike)]), "wall"),
        *((f"flip_{i}", "Zero gamma", "", flip["spot"], "flip") for i, flip in enumerate(flips[:2])),
        *(("trough", "Deepest short gamma", "", zone["trough"]["spot"], "trough") for zone in zones),
    ]
    levels = [
        {
            "key": key,
            "name": name,
            "sense": sense,
            "value": float(value),
            "previous": float(value) * 0.998,
            "distance": float(value / spot - 1.0),
            "sigmas": float(np.log(value / spot) / 0.006),
            "kind": kind,
        }
        for key, name, sense, value, kind in named
    ]
    moves = [m for m in range(-5, 6) if m]
    ladder = [float(np.interp(spot * (1 + m / 100), spots, traded)) for m in moves]
    state = "near neutral" if abs(net) < 0.05 * gross else "long" if net > 0 else "short"
    return {
        "spots": spots.tolist(),
        "gamma": curve.tolist(),
        "vanna": (0.3 * curve).tolist(),
        "charm": None,
        "flow": traded.tolist(),
        "flips": flips,
        "zones": zones,
        "levels": sorted(levels, key=lambda level: -float(level["value"])),
        "ladder": {
            "move": [m / 100 for m in moves],
            "spot": [spot * (1 + m / 100) for m in moves],
            "trade": ladder,
            "share_of_adv": [x / 4e11 for x in ladder],
        },
        "regime": {
            "state": state,
            "text": f"Net gamma is {net / gross:.0%} of gross.",
            "net": net,
            "gross": gross,
            "share": net / gross,
            "flip": flips[0]["spot"] if flips else None,
            "flip_distance": None,
            "flip_sigmas": None,
            "low": net,
            "high": net,
            "range_of": "nothing",
            "expiring": {"share": 0.4, "label": "15 Sep"},
        },
        "total": {"gamma": net, "vanna": net / 3, "charm": net / 5},
        "gross": gross,
    }
