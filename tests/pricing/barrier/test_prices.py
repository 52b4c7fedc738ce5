from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gammaflow import barrier, bsm
from gammaflow.errors import SchemaError
from support import barrier_references as references

KINDS = {"di": "down-in", "do": "down-out", "ui": "up-in", "uo": "up-out"}
REFERENCED = ("price", "delta", "gamma", "vega", "theta", "vanna", "charm", "volga", "rho")

signs = st.sampled_from([1, -1])
strikes = st.floats(60.0, 160.0)
years = st.floats(0.02, 4.0)
rates = st.sampled_from([-0.05, -0.01, 0.013, 0.04, 0.11])
vols = st.floats(0.08, 1.2)
aways = st.floats(0.01, 0.7)
sides = st.sampled_from(["down", "up"])
rebates = st.sampled_from([0.0, 2.5])


def barrier_of(side, S, away):
    return S * math.exp(-away if side == "down" else away)


def scales(S, K, t, sigma):
    """Natural size of each quantity, per K of strike: its size where spot, strike and barrier are close."""
    s = np.minimum(1.0, sigma * np.sqrt(t))
    return {
        "price": K,
        "delta": K / S / s,
        "gamma": K / S**2 / s**2,
        "vega": K * np.sqrt(t) / s,
        "theta": K / t,
        "vanna": K / S * np.sqrt(t) / s**2,
        "charm": K / S / s / t,
        "volga": K * t / s**2,
        "rho": K * np.maximum(t, np.sqrt(t) / sigma),
        "speed": K / S**3 / s**3,
        "zomma": K / S**2 * np.sqrt(t) / s**2,
        "color": K / S**2 / s / t,
    }


@pytest.fixture(scope="module")
def reference(shared):
    return pd.read_csv(shared / "reference" / "barriers.csv")


def compute(rows, **options):
    return barrier.greeks(
        rows["type"].map(KINDS), rows["flag"], rows["S"], rows["K"], rows["H"], rows["T"], rows["r"],
        rows["sigma"], rows["q"], which=barrier.ALL, rebate=rows["rebate"], **options,
    )  # fmt: skip


def test_every_reference_value_to_1e_12_of_its_scale(reference):
    found = compute(reference)
    natural = scales(reference["S"], reference["K"], reference["T"], reference["sigma"])
    for name in REFERENCED:
        wanted = reference[name].notna()
        error = (np.abs(found[name] - reference[name]) / natural[name])[wanted]
        assert error.max() < (1e-12 if name == "volga" else 1e-13), (name, reference.loc[error.idxmax()])
        absolute = (np.abs(found[name] - reference[name]) / reference["K"])[wanted]
        assert absolute.max() < (1e-9 if name == "volga" else 1e-11), name
    assert np.isfinite(found.block).all()


def test_published_figures_to_their_digits(reference):
    rows = reference[reference["published"].notna()]
    assert len(rows) == 42
    np.testing.assert_allclose(compute(rows).price, rows["published"], rtol=0, atol=1.8e-4)


def test_rows_at_the_barrier_are_knocked_in_the_same_way_when_alive_is_false(reference):
    rows = reference[reference["alive"] == 0]
    np.testing.assert_array_equal(compute(rows).block, compute(rows, alive=False).block)


@given(st.integers(0, 10**6))
def test_price_is_that_of_the_formula_written_out(seed):
    data = references.contracts(20, seed)
    data["rebate"] = np.random.default_rng(seed).uniform(0.0, 5.0, 20)
    found = barrier.price(
        data["kind"],
        data["phi"],
        *(data[n] for n in "SKHtr"),
        data["sigma"],
        data["q"],
        rebate=data["rebate"],
    )
    np.testing.assert_allclose(found, references.naive(data), rtol=0, atol=2e-12 * data["K"].max())


@pytest.mark.skipif(not references.available("QuantLib"), reason="QuantLib is not installed")
def test_price_is_quantlibs():
    data = references.contracts(300)
    found = barrier.price(data["kind"], data["phi"], *(data[n] for n in "SKHtr"), data["sigma"], data["q"])
    np.testing.assert_allclose(found, references.quantlib(data), rtol=0, atol=1e-11)


@pytest.mark.skipif(not references.available("financepy"), reason="FinancePy is not installed")
def test_price_is_financepys_to_its_accuracy():
    data = references.contracts(50)
    data["t"] = np.round(365 * data["t"]) / 365
    found = barrier.price(data["kind"], data["phi"], *(data[n] for n in "SKHtr"), data["sigma"], data["q"])
    np.testing.assert_allclose(found, references.financepy(data), rtol=0, atol=1e-4)


@given(sides, signs, strikes, aways, years, rates, vols, rates)
def test_in_and_out_add_up_to_the_vanilla_option_in_every_greek(side, flag, K, away, t, r, sigma, q):
    H = barrier_of(side, 100.0, away)
    names = (*barrier.DEFAULT, "rho", "speed")
    args = flag, 100.0, K, H, t, r, sigma, q
    total = barrier.greeks(f"{side}-in", *args, which=names).block
    total = total + barrier.greeks(f"{side}-out", *args, which=names).block
    vanilla = bsm.greeks(flag, 100.0, K, t, r, sigma, q, which=names)
    natural = scales(100.0, K, t, sigma)
    parts = barrier.greeks(f"{side}-in", *args, which=names)
    for i, name in enumerate(names):
        size = max(natural[name], abs(parts[name]))
        assert abs(total[i] - vanilla[name]) < 1e-12 * size, name


@given(sides, signs, strikes, aways, aways, years, rates, vols, rates)
def test_a_knock_in_is_worth_more_the_closer_its_barrier_and_at_most_the_vanilla(
    side, flag, K, one, other, t, r, sigma, q
):
    near, far = (barrier_of(side, 100.0, away) for away in sorted((one, other)))
    price = barrier.price(f"{side}-in", flag, 100.0, K, np.array([near, far]), t, r, sigma, q)
    assert price[1] <= price[0] + 1e-11
    assert price[1] >= -1e-11
    assert price[0] <= bsm.price(flag, 100.0, K, t, r, sigma, q) + 1e-11


@given(sides, signs, strikes, aways, years, rates, vols, rates, rebates, st.sampled_from(["in", "out"]))
def test_prices_scale_with_money_and_with_time(side, flag, K, away, t, r, sigma, q, rebate, end):
    H = barrier_of(side, 100.0, away)
    price = barrier.price(f"{side}-{end}", flag, 100.0, K, H, t, r, sigma, q, rebate=rebate)
    money = barrier.price(f"{side}-{end}", flag, 300.0, 3 * K, 3 * H, t, r, sigma, q, rebate=3 * rebate)
    hours = barrier.price(f"{side}-{end}", flag, 100.0, K, H, 4 * t, r / 4, sigma / 2, q / 4, rebate=rebate)
    assert money == pytest.approx(3.0 * price, abs=1e-10)
    assert hours == pytest.approx(price, abs=1e-10)


def differences(function, x, h):
    """First and second derivative by sixth-order central differences."""
    f = [function(x + k * h) for k in range(-3, 4)]
    first = (-f[0] + 9 * f[1] - 45 * f[2] + 45 * f[4] - 9 * f[5] + f[6]) / (60 * h)
    second = (2 * f[0] - 27 * f[1] + 270 * f[2] - 490 * f[3] + 270 * f[4] - 27 * f[5] + 2 * f[6]) / (
        180 * h * h
    )
    return first, second


@settings(max_examples=60)
@given(
    sides, signs, strikes, st.floats(0.15, 0.6), st.floats(0.1, 3.0), rates, st.floats(0.15, 0.8), rates,
    rebates, st.sampled_from(["in", "out"]),
)  # fmt: skip
def test_greeks_are_the_derivatives_of_the_price(side, flag, K, away, t, r, sigma, q, rebate, end):
    assume(abs(K / barrier_of(side, 100.0, away) - 1.0) > 1e-3)
    kind, H = f"{side}-{end}", barrier_of(side, 100.0, away)

    def value(name="price", **moved):
        args = {"S": 100.0, "t": t, "r": r, "sigma": sigma, **moved}
        return barrier.greeks(
            kind, flag, args["S"], K, H, args["t"], args["r"], args["sigma"], q, which=name, rebate=rebate
        )[name]

    natural = scales(100.0, K, t, sigma)
    g = barrier.greeks(kind, flag, 100.0, K, H, t, r, sigma, q, which=barrier.ALL, rebate=rebate)
    h = min(0.02 * sigma * math.sqrt(t), 0.03)
    delta, gamma = differences(lambda x: value(S=x), 100.0, 100.0 * h)
    found = {
        "delta": delta,
        "gamma": gamma,
        "speed": differences(lambda x: value("gamma", S=x), 100.0, 100.0 * h)[0],
        "vega": differences(lambda x: value(sigma=x), sigma, 0.02 * sigma)[0],
        "volga": differences(lambda x: value("vega", sigma=x), sigma, 0.02 * sigma)[0],
        "vanna": differences(lambda x: value("delta", sigma=x), sigma, 0.02 * sigma)[0],
        "theta": -differences(lambda x: value(t=x), t, 0.02 * t)[0],
        "charm": -differences(lambda x: value("delta", t=x), t, 0.02 * t)[0],
        "rho": differences(lambda x: value(r=x), r, 1e-4)[0],
        "zomma": differences(lambda x: value("gamma", sigma=x), sigma, 0.02 * sigma)[0],
        "color": -differences(lambda x: value("gamma", t=x), t, 0.02 * t)[0],
    }
    for name, wanted in found.items():
        assert abs(g[name] - wanted) < 1e-6 * natural[name], name


def test_rebates_at_negative_rates_are_continuous_in_the_rate():
    """lambda is imaginary below r = -mu^2 sigma^2 / 2; the value and its slope pass without a step."""
    r = np.linspace(-0.2, 0.2, 4001)
    g = barrier.greeks(
        "down-out", "c", 100.0, 95.0, 90.0, 2.0, r, 0.3, 0.02, which=("price", "rho"), rebate=5.0
    )
    np.testing.assert_allclose(np.gradient(g.price, r, edge_order=2), g.rho, rtol=0, atol=2e-4)


def test_a_small_volatility_overflows_nothing():
    sigma = np.array([0.003, 0.01, 0.02])
    g = barrier.greeks(
        [["down-in"], ["down-out"], ["up-in"], ["up-out"]], "p", 100.0, 100.0,
        [[90.0], [90.0], [125.0], [125.0]],
        1.0, 0.1, sigma, 0.0, which=barrier.ALL, rebate=1.0,
    )  # fmt: skip
    assert np.isfinite(g.block).all()
    # spot drifts to 110.5: nothing is knocked, the put expires worthless, the knock-ins pay their rebates
    np.testing.assert_allclose(g.price[:, 0], [math.exp(-0.1), 0.0, math.exp(-0.1), 0.0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("monitoring", ["continuous", "maturity", 4])
@pytest.mark.parametrize(("t", "sigma"), [(0.0, 0.3), (1.0, 0.0)])
def test_where_nothing_is_random_the_forward_decides(monitoring, t, sigma):
    forward = 100.0 * math.exp(0.05 * t)
    kinds = np.array(["down-in", "down-out", "up-in", "up-out"])
    H = np.array([[90.0, 90.0, 103.0, 103.0]])
    found = barrier.price(
        kinds, "c", 100.0, 95.0, H, t, 0.07, sigma, 0.02, rebate=2.0, monitoring=monitoring
    )[0]  # fmt: skip
    whole = bsm.price("c", 100.0, 95.0, t, 0.07, sigma, 0.02)
    paid = 2.0 * math.exp(-0.07 * t)
    hit = forward >= 103.0
    when = {"continuous": math.log(1.03) / 0.05, "maturity": 1.0, 4: 0.75}[monitoring]
    wanted = [paid, whole, whole if hit else paid, 2.0 * math.exp(-0.07 * when) if hit else whole]
    np.testing.assert_allclose(found, wanted, rtol=1e-13)


def test_knocked_and_dead_options():
    vanilla = bsm.greeks("p", [60.0, 55.0, 80.0], 100.0, 1.0, 0.04, 0.3, 0.01, which=barrier.DEFAULT)
    args = "p", [60.0, 55.0, 80.0], 100.0, 60.0, 1.0, 0.04, 0.3, 0.01
    alive = [True, True, False]
    inside = barrier.greeks("down-in", *args, alive=alive, rebate=3.0)
    np.testing.assert_allclose(inside.block, vanilla.block, rtol=1e-10, atol=1e-12)
    outside = barrier.greeks("down-out", *args, alive=alive, rebate=3.0)
    assert outside.price.tolist() == [3.0, 3.0, 3.0]
    assert not outside.block[1:].any()
    for monitoring in ("maturity", 12):
        dead = barrier.greeks("down-in", *args, alive=False, rebate=3.0, monitoring=monitoring)
        np.testing.assert_allclose(dead.block, vanilla.block, rtol=1e-10, atol=1e-12)
        dead = barrier.greeks("down-out", *args, alive=False, rebate=3.0, monitoring=monitoring)
        assert dead.price.tolist() == [3.0, 3.0, 3.0]
        assert not dead.block[1:].any()


BAD_VALUES = [
    {"H": 0.0}, {"H": -60.0}, {"H": np.inf}, {"t": -0.1}, {"sigma": -0.2}, {"rebate": -1.0}, {"S": np.nan},
    {"K": np.nan}, {"r": np.nan}, {"q": np.inf}, {"S": -1.0}, {"K": -1.0}, {"t": np.nan}, {"sigma": np.nan},
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_VALUES, ids=str)
@pytest.mark.parametrize("monitoring", ["continuous", "maturity", 6])
@pytest.mark.parametrize("kind", ["down-in", "up-out"])
def test_an_illegal_value_gives_nan_in_its_row_alone(bad, monitoring, kind):
    good = {"S": 100.0, "K": 100.0, "H": 80.0, "t": 1.0, "r": 0.03, "sigma": 0.2, "q": 0.01, "rebate": 1.0}
    args = {name: np.array([value, bad.get(name, value)]) for name, value in good.items()}
    rebate = args.pop("rebate")
    g = barrier.greeks(kind, "p", **args, rebate=rebate, monitoring=monitoring, which=barrier.ALL)
    assert np.isfinite(g.block[:, 0]).all()
    assert np.isnan(g.block[:, 1]).all()


def test_spot_or_strike_of_zero():
    g = barrier.greeks("up-in", "p", [0.0, 100.0], [100.0, 0.0], 150.0, 1.0, 0.03, 0.2, 0.01)
    np.testing.assert_allclose(g.price, 0.0, rtol=0, atol=1e-12)
    assert np.isfinite(g.block).all()
    g = barrier.greeks("up-out", "c", [0.0, 100.0], [100.0, 0.0], 1e6, 1.0, 0.03, 0.2, 0.01)
    np.testing.assert_allclose(g.price, [0.0, 100.0 * math.exp(-0.01)], rtol=0, atol=1e-10)
    np.testing.assert_allclose(g.delta, [0.0, math.exp(-0.01)], rtol=0, atol=1e-12)


GOOD = {"kind": "down-in", "flag": "p", "S": 100.0, "K": 100.0, "H": 80.0, "t": 1.0, "r": 0.03, "sigma": 0.2}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"kind": "sideways"},
            "kind: received 'sideways'; legal: 'down-in', 'down-out', 'up-in', 'up-out'.",
        ),
        ({"kind": ["down-in", "in"]}, "kind: received 'in' among 2 values"),
        ({"flag": "x"}, "flag: received 'x'; legal: 'c', 'p'"),
        ({"flag": [1, 2]}, "flag: received '2' among 2 values"),
        ({"S": "abc"}, "S: received 'abc'; it must be real numbers"),
        ({"S": [1.0, 2.0], "K": [1.0, 2.0, 3.0]}, r"shapes do not broadcast: S \(2,\), K \(3,\)"),
        ({"alive": 2}, "alive: received 2; it must be True"),
        ({"alive": "yes"}, "alive: received 'yes'"),
        ({"monitoring": "daily"}, "monitoring: received 'daily'; legal: 'continuous', 'maturity'"),
        ({"monitoring": 0}, "monitoring: received 0 dates; it must be 1 to 100,000"),
        ({"monitoring": -3}, "monitoring: received -3 dates"),
        ({"monitoring": True}, "monitoring: received True; legal:"),
        ({"monitoring": 2.5}, r"monitoring: received 2.5; legal:"),
        ({"monitoring": [[0.5, 1.0]]}, "monitoring: received"),
        ({"monitoring": len}, "monitoring: received"),
        ({"monitoring": [0.5, 0.5, 1.0]}, "times must be finite, > 0 and increasing"),
        ({"monitoring": [0.0, 1.0]}, "times must be finite, > 0 and increasing"),
        (
            {"monitoring": [0.1, 0.1 + 1e-8, 1.0]},
            "two times are 1e-08 apart; they must be at least a millionth",
        ),
        ({"monitoring": [0.25, 0.5]}, "the last time is 0.5; it must be the expiry t of every option"),
        ({"monitoring": [0.5, 1.0], "method": "bgk"}, "pass their number as monitoring"),
        ({"method": "bgk"}, "pass their number as monitoring"),
        ({"method": "fast"}, "method: received 'fast'; legal: 'exact' and 'bgk'"),
        ({"tol": 1e-12}, "tol: received 1e-12; it must lie between 1e-9 and 1e-2"),
        ({"which": "lambda"}, "which: received 'lambda'; legal: price, delta"),
        ({"which": ()}, "which: received ()"),
    ],
    ids=str,
)
def test_a_wrong_argument_gives_one_clear_error(change, message):
    with pytest.raises(SchemaError, match=message.replace("()", r"\(\)")):
        barrier.greeks(**(GOOD | change))


def test_all_problems_come_in_one_error():
    with pytest.raises(SchemaError) as caught:
        barrier.price(**(GOOD | {"kind": "in", "flag": "x", "S": "spot"}))
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["kind", "flag", "S"]
    with pytest.raises(SchemaError) as caught:
        barrier.price(**(GOOD | {"monitoring": 0, "method": "fast", "tol": 1.0}))
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["method", "tol", "monitoring"]


def test_series_keep_their_index_and_must_share_it():
    S = pd.Series([90.0, 100.0], index=["a", "b"])
    g = barrier.greeks(**(GOOD | {"S": S}))
    assert g.to_frame().index.tolist() == ["a", "b"]
    with pytest.raises(SchemaError, match="different indexes"):
        barrier.greeks(**(GOOD | {"S": S, "K": pd.Series([90.0, 100.0], index=["b", "a"])}))
    with pytest.raises(SchemaError, match="K: received"):
        barrier.greeks(**(GOOD | {"K": pd.Series(["a", "b"])}))


def test_scalars_give_scalars_and_which_gives_its_names():
    price = barrier.price(**GOOD)
    assert isinstance(price, float)
    g = barrier.greeks(**GOOD, which=("speed", "price"))
    assert g.names == ("speed", "price")
    assert g.price == pytest.approx(price, rel=1e-13)
    assert barrier.greeks(**GOOD).names == barrier.DEFAULT
    assert barrier.price(**(GOOD | {"S": np.empty(0)})).shape == (0,)
    assert barrier.price(**(GOOD | {"S": np.empty((0, 3)), "monitoring": 12})).shape == (0, 3)


@given(sides, signs, strikes, aways, years, rates, vols, rates)
def test_the_price_alone_is_the_price_of_the_greeks(side, flag, K, away, t, r, sigma, q):
    for end in ("in", "out"):
        args = f"{side}-{end}", flag, 100.0, K, barrier_of(side, 100.0, away), t, r, sigma, q
        assert barrier.price(*args) == pytest.approx(float(barrier.greeks(*args).price), rel=1e-13, abs=1e-13)


def test_a_knock_out_that_never_pays_is_worth_nothing_to_the_last_bit():
    """It pays beyond the barrier only, or spot is there; beside a knock-in and a live knock-out."""
    kind = ["up-out", "down-out", "down-out", "up-out", "down-in", "down-out"]
    flag = ["c", "p", "p", "c", "p", "p"]
    S, K = [100.0, 100.0, 60.0, 130.0, 100.0, 100.0], [125.0, 65.0, 90.0, 100.0, 90.0, 90.0]
    H = [120.0, 70.0, 70.0, 120.0, 70.0, 70.0]
    found = barrier.price(kind, flag, S, K, H, 0.7, 0.03, 0.35, 0.01)
    assert (found[:4] == 0.0).all()
    assert (found[4:] > 0.0).all()


@given(sides, aways, years, rates, vols, rates)
def test_hit_probability_is_that_of_the_reflected_walk(side, away, t, r, sigma, q):
    h = away if side == "down" else -away
    nu, s = r - q - 0.5 * sigma**2, sigma * math.sqrt(t)
    eta = 1.0 if side == "down" else -1.0
    wanted = references.cdf(-eta * (h + nu * t) / s)
    wanted += math.exp(-2.0 * nu * h / sigma**2) * references.cdf(eta * (-h + nu * t) / s)
    found = barrier.hit_probability(f"{side}-in", 100.0, 100.0 * math.exp(-h), t, r, sigma, q)
    assert found == pytest.approx(wanted, rel=1e-11, abs=1e-14)
    at_end = barrier.hit_probability(
        f"{side}-out", 100.0, 100.0 * math.exp(-h), t, r, sigma, q, monitoring="maturity"
    )
    assert at_end == pytest.approx(references.cdf(-eta * (h + nu * t) / s), rel=1e-11, abs=1e-14)
