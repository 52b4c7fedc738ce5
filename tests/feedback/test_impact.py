"""Impact objects: published numbers, identities, text, tables, and every refusal."""

import copy
import pickle
from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import gammaflow as gf

mpl.use("Agg")


def test_published_moves_of_research():
    """RESEARCH B17: 4.2bn moves price 14.3 % linear, 0.97 % square root, 1.9 % at twice the volatility."""
    citi, root = (gf.impact.PUBLISHED[name] for name in ("citi", "donier_bonart"))
    assert citi.per_1pct == pytest.approx(294.117647e6, rel=1e-8)
    assert citi.log_return(-4.2e9) == pytest.approx(-0.1428, rel=1e-12)
    assert citi.log_return(1e8) == pytest.approx(0.0034, rel=1e-12)
    assert root.log_return(-4.2e9) == pytest.approx(-0.0097211, abs=5e-8)
    twice = gf.impact.square_root(40e9, 0.06)
    assert twice.log_return(4.2e9) == pytest.approx(0.0194422, abs=5e-8)
    assert root.log_return(1e9) == pytest.approx(0.03 / np.sqrt(40.0), rel=1e-14)


def test_exponents_of_published_books():
    """RESEARCH B17: 0.674 between 10 and 100 bp; 0.37 to 0.49 per venue."""
    pair = gf.impact.PUBLISHED["amberdata"]
    np.testing.assert_allclose(1.0 / pair.exponents, 0.674, atol=5e-4)
    assert pair.per_1pct == pytest.approx(16.53e6, rel=1e-12)
    law = gf.impact.book(16.53e6, exponent=np.log10(16.53 / 3.5))
    flows = np.array([-2e8, -5e6, 1e6, 3e7])
    np.testing.assert_allclose(law.log_return(flows), pair.log_return(flows), rtol=1e-12)
    venues = [gf.impact.PUBLISHED[f"coindesk_{month}"] for month in ("october", "november")]
    exponents = 1.0 / np.concatenate([v.exponents[0, :2] for v in venues])
    np.testing.assert_allclose(exponents, [0.368, 0.431, 0.485, 0.474], atol=5e-4)
    assert [v.per_1pct for v in venues] == pytest.approx([20e6, 14e6], rel=1e-12)


def test_published_estimates_say_their_source_and_their_side():
    assert isinstance(gf.impact.PUBLISHED, Mapping)
    with pytest.raises(TypeError):
        gf.impact.PUBLISHED["mine"] = gf.impact.linear(1.0)
    for impact in gf.impact.PUBLISHED.values():
        assert impact.source != gf.impact.GIVEN
        assert impact.caveat.startswith(("upper bound of impact: ", "lower bound of impact: "))
    decay = gf.impact.PUBLISHED["bucci"]
    left = decay.permanent + (1.0 - decay.permanent) * 0.5 ** (np.array([1.0, 50.0]) / decay.half_life)
    np.testing.assert_allclose(left, [2.0 / 3.0, 1.0 / 3.0], atol=1e-14)


DEPTH = pd.DataFrame({"bids": [2e6, 11e6, 40e6], "asks": [3e6, 16e6, 90e6]}, index=[0.1, 1.0, 5.0])


def test_a_measured_curve_passes_through_its_points_on_both_sides():
    curve = gf.impact.book(depth=DEPTH, source="a recorded book")
    x = 0.01 * DEPTH.index.to_numpy()
    np.testing.assert_allclose(curve.log_return(-DEPTH["bids"].to_numpy()), -x, rtol=1e-13)
    np.testing.assert_allclose(curve.log_return(DEPTH["asks"].to_numpy()), x, rtol=1e-13)
    assert (curve.per_1pct, curve.per_1pct_up) == pytest.approx((11e6, 16e6), rel=1e-13)
    halfway = np.sqrt(11e6 * 40e6)  # a power law is straight between logarithms
    assert curve.log_return(-halfway) == pytest.approx(-np.sqrt(0.01 * 0.05), rel=1e-13)


def test_sides_of_different_length_and_one_side_for_both():
    bids = pd.Series([2e6, 11e6, 40e6, 70e6], index=[0.1, 1.0, 5.0, 10.0])
    asks = pd.Series([3e6, 16e6], index=[0.1, 1.0])
    two = gf.impact.book(depth=bids, asks=asks)
    one, other = gf.impact.book(depth=bids), gf.impact.book(depth=asks)
    flows = np.geomspace(1e4, 1e10, 40)
    np.testing.assert_allclose(two.log_return(-flows), one.log_return(-flows), rtol=1e-13)
    np.testing.assert_allclose(two.log_return(flows), other.log_return(flows), rtol=1e-12)
    np.testing.assert_allclose(one.log_return(-flows), -one.log_return(flows), rtol=1e-15)


def test_depth_times_a_factor():
    curve = gf.impact.book(depth=DEPTH, range=(0.5, 4.0), caveat="one venue")
    flows = np.array([-3e7, -1e5, 2e6, 5e8])
    np.testing.assert_allclose(curve.scaled(0.3).log_return(0.3 * flows), curve.log_return(flows), rtol=1e-13)
    shallow, deep = curve.bounds()
    assert (shallow.per_1pct, deep.per_1pct) == pytest.approx((5.5e6, 44e6), rel=1e-13)
    assert shallow.name == "order book, depth x 0.5"
    assert (shallow.range, shallow.source, shallow.caveat) == (None, curve.source, "one venue")
    assert gf.impact.linear(1e8).bounds() is None


def test_shapes_of_flows():
    curve = gf.impact.linear(2e8)
    assert float(curve.log_return(-2e8)) == -0.01
    assert curve.log_return([[1e8, np.nan], [0.0, -4e8]]).shape == (2, 2)
    np.testing.assert_array_equal(curve.flow(pd.Series([0.01, np.nan])), [2e8, np.nan])
    np.testing.assert_allclose(curve.slope(np.ma.masked_invalid([np.nan, -1.0])), [np.nan, 5e-11], rtol=1e-15)
    with pytest.raises(gf.SchemaError, match="flow: received 'much'; it must be real numbers"):
        curve.log_return("much")


def test_table_summary_and_text():
    curve = gf.impact.book(
        depth=DEPTH, source="a recorded book", permanent=0.25, half_life=0.5, range=(0.5, 2.0), caveat="c"
    )
    table = curve.table
    assert table.index.is_monotonic_increasing
    np.testing.assert_allclose(table.loc[:0, "log_return"].abs(), [0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.0025,
                               0.001], rtol=1e-12)  # fmt: skip
    np.testing.assert_allclose(table["percent"], 100.0 * (np.exp(table["log_return"]) - 1.0), rtol=1e-12)
    h = 1e-6 * np.abs(table.index.to_numpy())
    rise = curve.log_return(table.index + h) - curve.log_return(table.index)
    on_node = np.isin(np.round(np.abs(table["log_return"]), 10), [0.001, 0.01, 0.05])
    np.testing.assert_allclose((rise / h)[~on_node], table["slope"][~on_node], rtol=1e-5)
    assert repr(curve) == (
        "Impact: selling 11m USD lowers price 1 %, buying 16m USD raises it 1 %, order book, 25 % permanent, "
        "the rest halves in 0.5 days; source: a recorded book"
    )
    assert curve.summary().splitlines()[1:] == [
        "sign: flow < 0 sells and lowers price; 1 % is 0.01 of ln S",
        "range: depth 0.5 to 2 times this",
        "caveat: c",
    ]


def test_implausible_impact_is_said():
    wrong = gf.impact.linear(294.0, source="in millions?")
    assert repr(wrong).splitlines()[1:] == [
        "WARNING: depth: selling 294 USD moves price 1 %; plausible: 10,000 to 100tn; pass currency, not "
        "millions or units of the underlying",
        "WARNING: depth: buying 294 USD moves price 1 %; plausible: 10,000 to 100tn; pass currency, not "
        "millions or units of the underlying",
    ]
    (yearly,) = gf.impact.square_root(40e9, 0.56).warnings
    assert yearly.startswith(
        "daily_vol: received 0.56, times its coefficient; plausible: up to 0.2; pass the vol"
    )
    assert all(not impact.warnings for impact in gf.impact.PUBLISHED.values())


def test_picture():
    from matplotlib import pyplot

    ax = gf.impact.linear(294e6, source="Citi", range=(0.5, 2.0)).plot()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["impact", "depth x 0.5", "depth x 2"]
    x, y = ax.lines[[line.get_label() for line in ax.lines].index("depth x 0.5")].get_data()
    assert ax.get_xlabel() == "net flow [USD bn], < 0 sells"
    np.testing.assert_allclose((x[0], y[0]), (-2.94, -20.0), rtol=1e-12)
    pyplot.close("all")


def test_copies_are_read_only():
    curve = gf.impact.book(depth=DEPTH)
    for copied in (pickle.loads(pickle.dumps(curve)), copy.deepcopy(curve)):
        assert repr(copied) == repr(curve)
        assert not copied.sizes.flags.writeable
    given = np.full((2, 1), 1e8)
    made = gf.impact.Impact("linear", "mine", given, given / 1e10, given / 1e8)
    given[:] = 7.0
    assert made.per_1pct == 1e8


def series(values, distance):
    return pd.Series(values, index=distance, dtype=object)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: gf.impact.linear(0.0), ["per_1pct: received 0.0; per_1pct must be > 0."]),
        (lambda: gf.impact.linear(np.nan), ["per_1pct: received nan"]),
        (lambda: gf.impact.linear(np.inf), ["per_1pct: received inf"]),
        (
            lambda: gf.impact.linear("x", permanent=0.0, half_life=-1.0, source=" ", range=(2.0, 1.0)),
            ["per_1pct: received 'x'", "permanent: received 0.0; permanent must be a number > 0 and <= 1",
             "half_life: received -1.0; half_life must be a number of days > 0", "source: received ' '",
             "range: received (2.0, 1.0); range must be two factors of depth (low, high) with 0 < low <= 1"],
        ),
        (lambda: gf.impact.linear(1e8, permanent=1.01), ["permanent: received 1.01"]),
        (lambda: gf.impact.linear(1e8, permanent=np.nan), ["permanent: received nan"]),
        (lambda: gf.impact.linear(1e8, half_life=np.nan), ["half_life: received nan"]),
        (lambda: gf.impact.linear(1e8, half_life=0.0), ["half_life: received 0.0"]),
        (lambda: gf.impact.linear(1e8, source=None), ["source: received None"]),
        (lambda: gf.impact.linear(1e8, range=3), ["range: received 3;"]),
        (lambda: gf.impact.linear(1e8, currency=""), ["currency: received ''"]),
        (
            lambda: gf.impact.square_root(-1.0, 0.0, coefficient=np.nan),
            ["volume: received -1.0", "daily_vol: received 0.0", "coefficient: received nan"],
        ),
        (lambda: gf.impact.book(1e8, exponent=0.0), ["exponent: received 0.0; exponent must be > 0."]),
        (lambda: gf.impact.book(), ["received none of them; pass per_1pct and exponent, or depth alone"]),
        (lambda: gf.impact.book(1e8), ["received per_1pct; pass"]),
        (lambda: gf.impact.book(1e8, depth=DEPTH), ["received per_1pct, depth; pass"]),
        (lambda: gf.impact.book(1e8, exponent=1.0, asks=DEPTH["asks"]), ["asks: received with per_1pct"]),
        (lambda: gf.impact.book(depth=[1, 2]), ["depth, asks: received list; legal: a Series"]),
        (lambda: gf.impact.book(depth=DEPTH, asks=DEPTH["asks"]), ["received a frame with asks besides"]),
        (lambda: gf.impact.book(depth=DEPTH[["bids"]]), ["received a frame with columns ['bids']"]),
        (
            lambda: gf.impact.book(depth=DEPTH[::-1], half_life=-2.0),
            ["bids: distance: row 1 = 1 follows 5; it must rise", "asks: depth: row 1 = 1.6e+07 follows 9e",
             "half_life: received -2.0"],
        ),
        (lambda: gf.impact.book(depth=series([1.0, 1.0], [1, 2])), ["depth: depth: row 1 = 1 follows 1"]),
        (
            lambda: gf.impact.book(depth=series([1.0, np.nan, -3.0], [0.0, 1.0, 2.0])),
            ["depth: distance: 1 of 3 are not finite numbers > 0 (first: row 0 = 0)",
             "depth: depth: 2 of 3 are not finite numbers > 0 (first: row 1 = nan)"],
        ),
        (lambda: gf.impact.book(depth=series([1.0], [1.0])), ["received 1 of them; a measured curve needs"]),
        (lambda: gf.impact.book(depth=series(["a", "b"], [1, 2])), ["depth: depth: received ['a', 'b']"]),
        (lambda: gf.impact.linear(1e8).scaled(0.0), ["factor: received 0.0; factor must be a number > 0"]),
    ],
)  # fmt: skip
def test_refusals(make, words):
    with pytest.raises(gf.SchemaError) as error:
        make()
    for text in words:
        assert text in str(error.value)


def nodes(**changed):
    given = {"sizes": [[1e6, 1e7]] * 2, "moves": [[0.001, 0.01]] * 2, "exponents": [[1.0, 1.0]] * 2}
    return gf.impact.Impact("mine", "me", **(given | changed))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sizes": [[1e7, 1e6]] * 2}, "sizes: received numbers that do not rise along a row"),
        ({"moves": [[0.001, 0.001]] * 2}, "moves: received numbers that do not rise along a row"),
        ({"moves": [[0.001, np.nan]] * 2}, "moves: 2 of 4 are not finite numbers > 0 (first: nan)"),
        ({"exponents": [[0.0, 1.0]] * 2}, "exponents: 2 of 4 are not finite numbers > 0 (first: 0)"),
        ({"exponents": [[0.9, 1.0]] * 2}, "exponents: received a curve that jumps at a node"),
        ({"sizes": [1e6, 1e7]}, "sizes: received shape (2,); legal: (2, k)"),
        ({"sizes": [[], []]}, "sizes: received shape (2, 0); legal: (2, k)"),
        ({"sizes": "deep"}, "sizes: received 'deep'"),
        ({"exponents": [[1.0], [1.0]]}, "received shapes (2, 2), (2, 2), (2, 1); they must be equal"),
    ],
)
def test_curves_that_are_none(changed, words):
    assert nodes().per_1pct == pytest.approx(1e7, rel=1e-14)
    with pytest.raises(gf.SchemaError) as error:
        nodes(**changed)
    assert words in str(error.value)
