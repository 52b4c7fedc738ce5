"""Independent barrier prices: Reiner and Rubinstein written out, Monte Carlo, and the peers.

A peer is imported when it is used; `available` says whether it is there.
"""

from __future__ import annotations

import importlib.util
import math
from typing import Any

import numpy as np

KINDS = ("down-in", "down-out", "up-in", "up-out")


def available(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def vanilla(phi: float, S: float, K: float, t: float, r: float, sigma: float, q: float) -> float:
    s = sigma * math.sqrt(t)
    d1 = (math.log(S / K) + (r - q) * t) / s + 0.5 * s
    return phi * (S * math.exp(-q * t) * cdf(phi * d1) - K * math.exp(-r * t) * cdf(phi * (d1 - s)))


def reiner_rubinstein(
    kind: str,
    phi: float,
    S: float,
    K: float,
    H: float,
    t: float,
    r: float,
    sigma: float,
    q: float,
    rebate: float,
) -> float:
    """The eight cases of Haug (2007), section 4.17.1, for a spot not yet knocked and real lambda."""
    eta = 1.0 if kind.startswith("down") else -1.0
    s = sigma * math.sqrt(t)
    b = r - q
    mu = (b - 0.5 * sigma**2) / sigma**2
    lam = math.sqrt(mu**2 + 2.0 * r / sigma**2)
    x1 = math.log(S / K) / s + (1.0 + mu) * s
    x2 = math.log(S / H) / s + (1.0 + mu) * s
    y1 = math.log(H**2 / (S * K)) / s + (1.0 + mu) * s
    y2 = math.log(H / S) / s + (1.0 + mu) * s
    z = math.log(H / S) / s + lam * s
    asset, cash = S * math.exp(-q * t), K * math.exp(-r * t)
    power = (H / S) ** (2.0 * mu)

    def direct(x: float) -> float:
        return phi * (asset * cdf(phi * x) - cash * cdf(phi * (x - s)))

    def mirror(y: float) -> float:
        image = asset * (H / S) ** 2 * cdf(eta * y) - cash * cdf(eta * (y - s))
        return phi * power * image

    A, B, C, D = direct(x1), direct(x2), mirror(y1), mirror(y2)
    E = rebate * math.exp(-r * t) * (cdf(eta * (x2 - s)) - power * cdf(eta * (y2 - s)))
    F = rebate * (
        (H / S) ** (mu + lam) * cdf(eta * z) + (H / S) ** (mu - lam) * cdf(eta * (z - 2.0 * lam * s))
    )
    high = K > H
    table = {
        ("down-in", 1.0): C + E if high else A - B + D + E,
        ("up-in", 1.0): A + E if high else B - C + D + E,
        ("down-in", -1.0): B - C + D + E if high else A + E,
        ("up-in", -1.0): A - B + D + E if high else C + E,
        ("down-out", 1.0): A - C + F if high else B - D + F,
        ("up-out", 1.0): F if high else A - B + C - D + F,
        ("down-out", -1.0): A - B + C - D + F if high else F,
        ("up-out", -1.0): B - D + F if high else A - C + F,
    }
    return table[kind, phi]


def monte_carlo(
    kind: str,
    phi: float,
    S: float,
    K: float,
    H: float,
    times: Any,
    r: float,
    sigma: float,
    q: float,
    rebate: float,
    paths: int,
    seed: int,
) -> tuple[float, float]:
    """Price and its standard error, monitored at times (the last is expiry), antithetic."""
    rng = np.random.default_rng(seed)
    gaps = np.diff(np.concatenate([[0.0], times]))
    down, out = kind.startswith("down"), kind.endswith("out")
    half = rng.standard_normal((paths // 2, len(gaps)))
    x = np.concatenate([half, -half]) * (sigma * np.sqrt(gaps)) + (r - q - 0.5 * sigma**2) * gaps
    spots = S * np.exp(np.cumsum(x, axis=1))
    beyond = spots <= H if down else spots >= H
    knocked = beyond.any(axis=1)
    payoff = np.maximum(phi * (spots[:, -1] - K), 0.0) * math.exp(-r * times[-1])
    at_hit = rebate * np.exp(-r * np.asarray(times)[np.argmax(beyond, axis=1)])
    at_end = rebate * math.exp(-r * times[-1])
    value = np.where(knocked, at_hit, payoff) if out else np.where(knocked, payoff, at_end)
    pairs = 0.5 * (value[: paths // 2] + value[paths // 2 :])
    return float(pairs.mean()), float(pairs.std(ddof=1) / math.sqrt(len(pairs)))


def contracts(n: int, seed: int = 0) -> dict[str, Any]:
    """Barrier options not yet knocked, of all kinds: kind, phi, S, K, H, t, r, sigma, q, rebate."""
    rng = np.random.default_rng(seed)
    kind = np.array(KINDS)[rng.integers(0, 4, n)]
    S = rng.uniform(60.0, 140.0, n)
    away = rng.uniform(0.005, 0.4, n)
    return {
        "kind": kind,
        "phi": np.where(rng.random(n) < 0.5, 1.0, -1.0),
        "S": S,
        "K": S * rng.uniform(0.7, 1.4, n),
        "H": S * np.exp(np.where(np.char.startswith(kind, "down"), -away, away)),
        "t": rng.uniform(2.0 / 365.0, 3.0, n),
        "r": rng.uniform(0.005, 0.08, n),
        "sigma": rng.uniform(0.1, 0.9, n),
        "q": rng.uniform(-0.02, 0.05, n),
        "rebate": np.zeros(n),
    }


def naive(data: dict[str, Any]) -> Any:
    names = ("kind", "phi", "S", "K", "H", "t", "r", "sigma", "q", "rebate")
    columns = (data[name].tolist() for name in names)
    return np.array([reiner_rubinstein(*row) for row in zip(*columns, strict=True)])


def quantlib(data: dict[str, Any]) -> Any:
    """QuantLib's AnalyticBarrierEngine, one option at a time with the market quotes moved, as its users do.

    A time of one year to the exact fraction: rates and variance are scaled to the day count.
    """
    import QuantLib as ql  # noqa: N813

    today = ql.Date(1, 1, 2026)
    ql.Settings.instance().evaluationDate = today
    count = ql.Actual365Fixed()
    quotes = {name: ql.SimpleQuote(0.1) for name in ("S", "r", "q", "sigma")}
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(quotes["S"]),
        ql.YieldTermStructureHandle(ql.FlatForward(today, ql.QuoteHandle(quotes["q"]), count)),
        ql.YieldTermStructureHandle(ql.FlatForward(today, ql.QuoteHandle(quotes["r"]), count)),
        ql.BlackVolTermStructureHandle(
            ql.BlackConstantVol(today, ql.NullCalendar(), ql.QuoteHandle(quotes["sigma"]), count)
        ),
    )
    engine = ql.AnalyticBarrierEngine(process)
    exercise = ql.EuropeanExercise(today + 365)
    types = {
        "down-in": ql.Barrier.DownIn, "down-out": ql.Barrier.DownOut,
        "up-in": ql.Barrier.UpIn, "up-out": ql.Barrier.UpOut,
    }  # fmt: skip
    found = []
    names = ("kind", "phi", "S", "K", "H", "t", "r", "sigma", "q", "rebate")
    for kind, phi, S, K, H, t, r, sigma, q, rebate in zip(*(data[n].tolist() for n in names), strict=True):
        quotes["S"].setValue(S)
        quotes["r"].setValue(r * t)
        quotes["q"].setValue(q * t)
        quotes["sigma"].setValue(sigma * math.sqrt(t))
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if phi > 0 else ql.Option.Put, K)
        option = ql.BarrierOption(types[kind], H, rebate, payoff, exercise)
        option.setPricingEngine(engine)
        found.append(option.NPV())
    return np.array(found)


def financepy(data: dict[str, Any]) -> Any:
    """FinancePy's equity barrier formula, one option at a time at the nearest whole day.

    It moves the barrier for a number of looks per year; 10^14 of them are as good as always.
    """
    from financepy.models.black_scholes import BlackScholes
    from financepy.products.equity.equity_barrier_option import EquityBarrierOption
    from financepy.utils import global_types
    from financepy.utils.date import Date
    from financepy.utils.day_count import DayCountTypes
    from financepy.utils.frequency import FrequencyTypes

    try:
        from financepy.market.curves.flat_discount_curve import FlatDiscountCurve as Curve
    except ImportError:  # names up to 1.0.1
        from financepy.market.curves.discount_curve_flat import DiscountCurveFlat as Curve
    Types = getattr(global_types, "BarrierTypes", None) or global_types.EquityBarrierTypes
    types = {
        ("down-in", 1.0): Types.DOWN_AND_IN_CALL, ("down-out", 1.0): Types.DOWN_AND_OUT_CALL,
        ("up-in", 1.0): Types.UP_AND_IN_CALL, ("up-out", 1.0): Types.UP_AND_OUT_CALL,
        ("down-in", -1.0): Types.DOWN_AND_IN_PUT, ("down-out", -1.0): Types.DOWN_AND_OUT_PUT,
        ("up-in", -1.0): Types.UP_AND_IN_PUT, ("up-out", -1.0): Types.UP_AND_OUT_PUT,
    }  # fmt: skip
    today = Date(1, 1, 2026)
    names = ("kind", "phi", "S", "K", "H", "t", "r", "sigma", "q")
    found = []
    for kind, phi, S, K, H, t, r, sigma, q in zip(*(data[n].tolist() for n in names), strict=True):
        option = EquityBarrierOption(today.add_days(round(365 * t)), K, types[kind, phi], H, 10**14)
        curves = [Curve(today, x, FrequencyTypes.CONTINUOUS, DayCountTypes.ACT_365F) for x in (r, q)]
        found.append(option.value(today, S, *curves, BlackScholes(sigma)))
    return np.array(found)


def _quantlib_process(terms: dict[str, Any], S: float) -> Any:
    import QuantLib as ql  # noqa: N813

    today = ql.Date(1, 1, 2026)
    ql.Settings.instance().evaluationDate = today
    count = ql.Actual365Fixed()
    return ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(S)),
        ql.YieldTermStructureHandle(ql.FlatForward(today, terms["q"], count)),
        ql.YieldTermStructureHandle(ql.FlatForward(today, terms["r"], count)),
        ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), terms["sigma"], count)),
    )


def _quantlib_put(terms: dict[str, Any], days: int) -> Any:
    """A down-and-out put of QuantLib; its knock-in is the vanilla put less this."""
    import QuantLib as ql  # noqa: N813

    payoff = ql.PlainVanillaPayoff(ql.Option.Put, terms["K"])
    exercise = ql.EuropeanExercise(ql.Date(1, 1, 2026) + days)
    return ql.BarrierOption(ql.Barrier.DownOut, terms["H"], 0.0, payoff, exercise)


def quantlib_monitored(terms: dict[str, Any]) -> float:
    """Down-and-in put at `dates` equally spaced by QuantLib's Sobol Monte Carlo without bridge correction."""
    import QuantLib as ql  # noqa: N813

    option = _quantlib_put(terms, round(365 * terms["t"]))
    option.setPricingEngine(
        ql.MCLDBarrierEngine(
            _quantlib_process(terms, terms["S"]),
            timeSteps=terms["dates"],
            brownianBridge=True,
            isBiased=True,
            requiredSamples=terms["samples"],
        )
    )
    return vanilla(-1.0, *(terms[n] for n in ("S", "K", "t", "r", "sigma", "q"))) - option.NPV()
