"""Implausible input is a warning on every result, contradictory input is refused, sane input is silent."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gammaflow as gf
from gammaflow.errors import GammaflowError, SchemaError
from gammaflow.instruments.note.registry import demo_notes
from gammaflow.market.readers import chain_from_frame
from gammaflow.market.repair.repair import repair_chain
from gammaflow.positions.notes import book_notes
from support.books import random_book
from support.implausible import (
    ASOF,
    CORRUPTIONS,
    FORWARDS,
    altered,
    assert_noticed,
    made_chain,
    one_row,
    said,
)


@pytest.mark.parametrize("name", [*CORRUPTIONS, *FORWARDS])
@pytest.mark.parametrize("quoted", ["currency", "coin", "contract"])
def test_every_corruption_of_a_made_up_chain_is_noticed(name, quoted):
    chain = made_chain(quoted=quoted)
    assert chain.warnings == ()
    assert_noticed(chain, name, CORRUPTIONS | FORWARDS)


@pytest.mark.parametrize(
    ("name", "symbol"), [*product(CORRUPTIONS, ("BTC", "IBIT")), *product(FORWARDS, ["BTC"])]
)
def test_every_corruption_of_the_demo_chains_is_noticed(name, symbol):
    assert_noticed(gf.demo_chain(symbol=symbol), name, CORRUPTIONS | FORWARDS)


@pytest.mark.parametrize("name", [n for n in CORRUPTIONS if n not in ("spot x 1.5",)])
def test_without_quotes_and_forwards_strikes_and_volatilities_still_tell(name):
    """Not that spot is half as much again: nothing in such a chain says so."""
    narrow = made_chain(quoted="none", forward=False, sigma=0.05, moneyness=np.linspace(0.97, 1.03, 7))
    assert narrow.warnings == ()
    assert_noticed(narrow, name, CORRUPTIONS)
    assert said(CORRUPTIONS["spot x 1.5"][0], narrow) == set()


class TestNumbersInTheSentences:
    def test_the_forward_of_the_quotes(self):
        chain = made_chain(spot=73_000.0, carry=0.05, days=(8.0, 43.0))
        (line,) = altered(chain, spot=109_500.0, forward=lambda f: f * np.nan).warnings
        words = r"spot: received 109,500, but calls and puts cost the same at ([\d,.]+), "
        words += "as far away on 2 of 2 expiries"
        forward = float(re.match(words, line)[1].replace(",", ""))
        assert forward == pytest.approx(73_000 * np.exp(0.05 * 8 / 365), rel=2e-4)

    @pytest.mark.parametrize("quoted", ["currency", "coin"])
    def test_the_volatility_of_a_straddle(self, quoted):
        chain = made_chain(sigma=0.4, quoted=quoted, moneyness=np.linspace(0.9, 1.1, 21))
        (line,) = altered(chain, iv=lambda v: v * 10).warnings
        received, implied = re.match(
            r"volatility: received (.+?)% at .* costs what (.+?)% would", line
        ).groups()
        assert float(received) == pytest.approx(400)
        assert float(implied) == pytest.approx(40, rel=0.02)

    def test_open_interest(self):
        chain = gf.demo_chain()
        bad = altered(chain, open_interest=one_row(chain, "open_interest", lambda n: 1e7))
        (line,) = bad.warnings
        name = chain["contract"][len(chain) // 2]
        share = 1e7 / bad["open_interest"].sum()
        largest = np.sort(bad["open_interest"])[-2]
        assert line.startswith(
            f"open interest: received 1e+07 for {name}, {share:.1%} of the chain's; the next largest is "
            f"{largest:,.6g}."
        )

    def test_a_forward_off_its_expiry(self):
        chain = made_chain()
        (line,) = altered(chain, forward=one_row(chain, "forward", lambda f: 1.2 * f)).warnings
        assert re.match(r"forward: received 120\.\d+ for XYZ-43-100-put, more than 5% from the median", line)

    def test_missing_rows_are_counted(self):
        """Legs in the money alone, as some vendors list them, or out of it alone say nothing; both do."""
        chain = made_chain()

        def without(*legs):
            gone = [(chain["strike"] == strike) & (chain["kind"] == kind) for strike, kind in legs]
            return altered(chain, rows=~np.any(gone, axis=0)).warnings

        inside, outside = [(95, "put"), (105, "call")], [(90, "call"), (110, "put")]
        assert without(*inside) == without(*outside) == ()
        (line,) = without(*inside, *outside)
        assert line.startswith("rows: received 12 of the 18 strikes nearest the money (6 an expiry) with a")

    @pytest.mark.parametrize("rows", [4, 7, 13, 25])
    def test_one_volatility_at_the_end_of_a_small_chain(self, rows):
        """The last expiry holds a single row where seven, thirteen or twenty-five are left."""
        chain = altered(
            made_chain(days=(8.0, 20.0, 40.0, 90.0, 91.0), moneyness=(0.9, 1.0, 1.1)), rows=slice(rows)
        )
        iv = chain["iv"].copy()
        iv[-1] = 30.0
        (line,) = chain.with_columns(iv=iv).warnings
        assert line.startswith(
            f"volatility: received 3,000.00% for {chain['contract'][-1]}, 60 times or more away"
        )

    def test_a_rate_in_percent(self):
        (line,) = made_chain(quoted="none", forward=False).with_columns(rate=3.6).warnings
        assert line == (
            "rate: received 3.6 for XYZ-8-80-call, the first of 42 such rows of 42, beyond 100% a year; "
            "plausible is a few percent, as a decimal (0.036 is 3.6 %). Scale it."
        )

    def test_one_expiry_decades_away(self):
        chain = made_chain()
        late = one_row(chain, "expiry", lambda e: e + np.timedelta64(40 * 365, "D"))
        assert any("more than 30 years after asof" in line for line in altered(chain, expiry=late).warnings)


@settings(max_examples=25)
@given(factor=st.floats(1e-4, 1e4), which=st.sampled_from(["", *CORRUPTIONS, *FORWARDS]))
def test_the_unit_of_money_changes_nothing(factor, which):
    chain, rich = (made_chain(spot=s) for s in (100.0, 100.0 * factor))
    corrupt = (CORRUPTIONS | FORWARDS)[which][0] if which else (lambda c: c)
    assert said(corrupt, chain) == said(corrupt, rich)


LEGAL = {
    "one day to expiry": {"days": (0.2,), "sigma": 0.6},
    "minutes to expiry": {"days": (0.003,), "moneyness": np.linspace(0.99, 1.01, 9)},
    "one strike": {"days": (30.0,), "moneyness": (1.0,)},
    "one contract": {"days": (30.0,), "moneyness": (1.1,), "kinds": ("call",)},
    "deep in the money": {"moneyness": (0.25, 0.3, 0.4, 0.5), "kinds": ("call",)},
    "deep in the money, both kinds": {
        "moneyness": (0.4, 0.5, 0.6, 1.6, 2.0, 2.4),
        "keep": lambda kind, x: (kind == "call") == (x < 1),
    },
    "out of the money": {"keep": lambda kind, x: (kind == "call") == (x > 1)},
    "calls": {"kinds": ("call",)},
    "years to expiry": {"days": (800.0, 1_100.0, 1_900.0)},
    "five dollars at 200 %": {"spot": 5.0, "sigma": 2.0, "moneyness": (0.2, 0.5, 0.8, 1.0, 1.2, 1.5, 2.0)},
    "five dollars at 400 %": {"spot": 5.0, "sigma": 4.0, "moneyness": (0.2, 0.5, 0.8, 1.0, 1.2, 1.5, 2.0)},
    "five dollars at 400 %, years": {"spot": 5.0, "sigma": 4.0, "days": (400.0, 700.0)},
    "borrow of 40 %": {"carry": -0.4},
    "a coin of half a dollar": {"spot": 0.52, "sigma": 0.9, "quoted": "currency", "symbol": "XRP_USDC"},
    "a coin, quoted in it": {"spot": 2_100.0, "sigma": 0.8, "quoted": "coin"},
    "an exchange rate at 4 %": {"spot": 1.08, "sigma": 0.04, "moneyness": np.linspace(0.95, 1.05, 11)},
    "no quotes": {"quoted": "none"},
    "no forwards": {"forward": False},
    "neither": {"quoted": "none", "forward": False},
    "five dollars at 400 %, no quotes": {"spot": 5.0, "sigma": 4.0, "quoted": "none", "forward": False},
}


@pytest.mark.parametrize("name", LEGAL)
def test_unusual_but_legal_chains_are_silent(name):
    chain = made_chain(**LEGAL[name])
    assert chain.warnings == chain.quality.warnings == ()
    assert gf.assign_positions(chain, "short_all").warnings == ()


@pytest.mark.parametrize(("spot", "front"), [(13.0, 16.5), (65.0, 33.0)])
def test_forwards_of_a_volatility_index_are_no_carry_of_it(spot, front):
    """VIX: in quiet times futures stand far above the index, in a crash far below."""
    own = made_chain(spot=front, carry=0.0, rate=0.0, sigma=0.9, symbol="VIX")
    assert altered(own, spot=spot).warnings == ()
    assert altered(own, spot=spot, forward=lambda f: f * np.nan).warnings == ()
    assert said(lambda c: altered(c, spot=8 * spot), own) & {"strike", "spot"}


def test_demo_chains_and_notes_are_silent():
    for symbol in ("BTC", "IBIT"):
        chain = gf.demo_chain(symbol=symbol)
        assert repair_chain(chain).warnings == chain.warnings == gf.assign_positions(chain).warnings == ()
    notes = book_notes(demo_notes(), spot=41.59, asof="2026-02-04T21:00Z", sigma=0.56, rate=0.036)
    assert notes.warnings == ()
    both = gf.assign_positions(gf.demo_chain(symbol="IBIT")).at(spot=41.59, asof="2026-02-05T21:00Z")
    assert (both + notes.at(asof="2026-02-05T21:00Z")).warnings == ()
    assert random_book().warnings == ()


def test_a_book_valued_long_before_its_quotes_says_so():
    book = gf.assign_positions(gf.demo_chain())
    early = book.at(asof=book.asof - np.timedelta64(30, "D"))
    assert [text[:46] for text in early.warnings] == ["asof: received 2026-01-06 09:36 UTC, 30 days b"]
    assert early.at(asof=book.asof - np.timedelta64(6, "D")).warnings == ()
    assert book.at(asof=book.asof + np.timedelta64(10, "h")).warnings == ()


class TestRefusals:
    def test_a_spot_in_thousands_beside_forwards(self):
        with pytest.raises(SchemaError) as error:
            altered(made_chain(spot=73_000.0), spot=73.1)
        spot, strike = str(error.value).splitlines()[1:]
        assert spot.startswith(
            "  - spot: received 73.1, but every forward is at least 10 times away from it (nearest: 73,"
        )
        assert "strikes, 58,400 to 91,250, agree with the forwards. Give all three in one unit." in spot
        assert strike.startswith(
            "  - strike: every strike is at least 100 times spot (lowest 58,400, spot 73.1)"
        )

    def test_forwards_in_thousands_beside_spot(self):
        with pytest.raises(SchemaError, match=r"strikes, 80 to 125, agree with spot\. Give all three"):
            altered(made_chain(), forward=lambda f: f / 1000)

    def test_forwards_and_spot_beside_no_strike(self):
        with pytest.raises(SchemaError, match="agree with neither"):
            altered(made_chain(), forward=lambda f: 20 * f, strike=lambda k: 5_000 * k)

    def test_nine_times_is_a_warning(self):
        assert {line.partition(":")[0] for line in altered(made_chain(), spot=1_000.0).warnings} == {
            "strike",
            "forward",
        }

    def test_strikes_near_zero_are_no_contradiction(self):
        """Low-exercise-price options have strikes of a cent."""
        chain = made_chain(moneyness=(1e-4,), kinds=("call",), iv=0.3)
        assert [line.partition(":")[0] for line in chain.warnings] == ["strike"]

    def test_volatilities_in_percent_of_any_origin(self):
        with pytest.raises(SchemaError, match="iv: the median is 30, but the column must hold decimals"):
            made_chain().with_columns(iv=30.0)

    def test_a_frame_says_so_with_its_other_problems(self):
        frame = pd.DataFrame(
            {"strike": [5e6], "kind": ["call"], "open_interest": [1], "iv": [56], "expiry": ["2026-03-20"]}
        )
        with pytest.raises(SchemaError) as error:
            chain_from_frame(frame, symbol="X", spot=70.0, asof=ASOF, settlement="PM")
        assert "iv: the median is 56" in str(error.value)
        assert "multiplier: missing" in str(error.value)
        frame["iv"] = 0.56
        with pytest.raises(
            SchemaError, match=r"frame not accepted:\n  - strike: every strike is at least 100"
        ):
            chain_from_frame(frame, symbol="X", spot=70.0, asof=ASOF, settlement="PM", multiplier=1)


def frame_of(expiries, **settled):
    frame = pd.DataFrame(
        {"strike": [95.0, 105.0], "kind": ["put", "call"], "open_interest": [10, 20], "iv": 0.3}
    )
    frame["expiry"] = expiries
    return chain_from_frame(frame, symbol="X", spot=100.0, asof=ASOF, multiplier=100, **settled)


class TestMidnight:
    @pytest.mark.parametrize(
        ("moment", "zone"),
        [
            ("2026-02-06T00:00Z", "UTC"),
            ("2026-02-06T00:00-05:00", "America/New_York"),
            ("2026-07-17T00:00-04:00", "America/New_York"),
        ],
    )
    def test_is_said(self, moment, zone):
        (line,) = frame_of(pd.Timestamp(moment)).warnings
        assert f", the first of 2 such rows of 2, midnight {zone}, as a date is read" in line
        assert "settlement= ('PM', '08:00 UTC')" in line

    @pytest.mark.parametrize(
        ("expiry", "settled"),
        [
            (pd.Timestamp("2026-02-06T08:00Z"), {}),
            (pd.Timestamp("2026-02-06T04:00Z"), {}),
            ("2026-02-06", {"settlement": "PM"}),
            ("2026-02-06", {"settlement": "00:00 UTC"}),
            ("2026-03-13", {"settlement": "09:00 Asia/Tokyo"}),
        ],
    )
    def test_is_not_said_of_a_known_settlement(self, expiry, settled):
        assert frame_of(expiry, **settled).warnings == ()


def test_errors_of_contradictions_are_gammaflows():
    with pytest.raises(GammaflowError, match="spot: received"):
        altered(made_chain(), spot=1e6)
