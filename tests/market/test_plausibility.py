"""Implausible input is a warning on every result, contradictory input is refused, sane input is silent."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import sys
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

import gammaflow as gf
from gammaflow.app import cli
from gammaflow.errors import GammaflowError, ReaderError, SchemaError
from gammaflow.exposure.flow import flow_ladder, hedge_flow
from gammaflow.instruments.note.registry import demo_notes
from gammaflow.market.chain import Chain
from gammaflow.market.readers import chain_from_frame, read_chain
from gammaflow.market.repair.repair import repair_chain
from gammaflow.positions.book import Book
from gammaflow.positions.notes import book_notes
from support.books import naive_value, random_book
from support.desk_pages import page_model
from support.reader_samples import CBOE_CSV, DERIBIT_CSV, YAHOO_JSON

ASOF = pd.Timestamp("2026-02-05T15:00Z")


def made_chain(
    spot=100.0, days=(8.0, 43.0, 134.0), moneyness=(0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25), sigma=0.3,
    kinds=("call", "put"), rate=0.036, carry=0.02, quoted="currency", forward=True, symbol="XYZ", asof=ASOF,
    keep=lambda kind, x: True, **changes,
):  # fmt: skip
    """Contracts priced by a naive Black-Scholes-Merton on F = spot e^(carry t), one smile-less volatility."""
    rows = []
    for day, x, kind in product(days, moneyness, kinds):
        if not keep(kind, x):
            continue
        t, strike = day / 365, float(f"{spot * x:.6g}")
        price = naive_value(kind, spot, strike, t, rate, sigma, rate - carry)
        F = spot * np.exp(carry * t)
        unit = {"currency": 1.0, "coin": 1.0 / F, "none": np.nan, "contract": 100.0}[quoted]
        rows.append(
            {
                "contract": f"{symbol}-{day:g}-{strike:g}-{kind}", "expiry": asof + pd.Timedelta(day, "D"),
                "strike": strike, "kind": kind, "open_interest": 100.0 + 7 * len(rows), "multiplier": 100.0,
                "iv": sigma, "bid": 0.98 * price * unit, "ask": 1.02 * price * unit, "rate": rate,
                "forward": F if forward else np.nan, "settlement": "15:00 UTC",
            }
        )  # fmt: skip
    return Chain(pd.DataFrame(rows).assign(**changes), symbol, spot, asof, "made up")


def altered(chain, *, spot=None, asof=None, rows=slice(None), **columns):
    """The chain with other columns, spot, timestamp or fewer rows; a function is given what was there."""
    new = {
        name: columns[name](values) if name in columns else values for name, values in chain.columns.items()
    }
    return Chain(
        {name: values[rows] for name, values in new.items()},
        chain.symbol,
        chain.spot if spot is None else spot,
        chain.asof if asof is None else asof,
        chain.vendor,
        chain.currency,
    )


def one_row(chain, name, change):
    """A function that changes `name` of one usable row in the middle of the chain."""
    usable = np.flatnonzero((chain.years > 0) & (chain["iv"] > 1e-3) & (chain["open_interest"] > 0))

    def apply(values):
        out = values.copy()
        out[usable[len(usable) // 2]] = change(out[usable[len(usable) // 2]])
        return out

    return apply


def midnight(chain):
    return altered(
        chain,
        expiry=lambda e: e.astype("M8[D]").astype("M8[ns]"),
        settlement=lambda s: np.full(len(s), "", object),
    )


#: What is done to a chain, and the topic of the warning or refusal that must say so.
CORRUPTIONS = {
    "spot x 100": (lambda c: altered(c, spot=c.spot * 100), "spot|strike|forward"),
    "spot / 100": (lambda c: altered(c, spot=c.spot / 100), "spot|strike|forward"),
    "spot x 1.5": (lambda c: altered(c, spot=c.spot * 1.5), "spot|forward"),
    "spot / 1000": (lambda c: altered(c, spot=c.spot / 1000), "spot|strike"),
    "strikes x 1000": (lambda c: altered(c, strike=lambda k: 1000 * k), "strike"),
    "volatility in percent": (lambda c: altered(c, iv=lambda v: np.minimum(100 * v, 100)), "iv|volatility"),
    "median volatility 450 %": (
        lambda c: altered(c, iv=lambda v: np.minimum(v * 4.5 / np.nanmedian(v[v > 0]), 100)),
        "volatility",
    ),
    "one volatility in percent": (
        lambda c: altered(c, iv=one_row(c, "iv", lambda v: 100 * v)),
        "volatility|iv",
    ),
    "open interest of 1e15": (
        lambda c: altered(c, open_interest=one_row(c, "open_interest", lambda n: 1e15)),
        "open interest",
    ),
    "half of the rows": (lambda c: altered(c, rows=np.random.default_rng(3).random(len(c)) < 0.5), "rows"),
    "asof thirty years early": (lambda c: altered(c, asof=c.asof - pd.Timedelta(10_957, "D")), "asof"),
    "expiry at midnight": (midnight, "expiry"),
}
FORWARDS = {"forwards x 1.3": (lambda c: altered(c, forward=lambda f: 1.3 * f), "forward")}


def said(corrupt, chain):
    """The topics of warnings or refusal, each once."""
    try:
        sentences = corrupt(chain).quality.warnings
    except SchemaError as error:
        sentences = re.findall(r"- (.+)", str(error))
    return {sentence.partition(":")[0] for sentence in sentences}


def assert_noticed(chain, name, corruptions):
    corrupt, topics = corruptions[name]
    assert said(corrupt, chain) & set(topics.split("|")), (name, said(corrupt, chain))


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


class TestReaders:
    @pytest.fixture
    def read(self, tmp_path):
        def call(text, **how):
            path = tmp_path / "file.txt"
            path.write_text(text)
            return read_chain(path, **how)

        return call

    @pytest.mark.parametrize(
        ("last", "spot"),
        [
            ("4500.25", 4500.25),
            ("4,500.25", 4500.25),
            ("$4,500", 4500.0),
            ("4500.25,", 4500.25),
        ],
    )
    def test_the_spot_line_of_a_quote_table(self, read, last, spot):
        assert read(CBOE_CSV.replace("Last: 4500.25", f"Last: {last}")).spot == spot

    @pytest.mark.parametrize("last", ["4.500,5298", "4.500,52", "4,50", "45,00.1", "4500.25,23.08"])
    def test_a_spot_line_that_is_no_number_is_refused_whole(self, read, last):
        with pytest.raises(ReaderError, match=rf"spot .*are not numbers \(first: .*'{re.escape(last)}'"):
            read(CBOE_CSV.replace("Last: 4500.25", f"Last: {last}"))

    def test_a_spot_line_with_the_point_for_thousands(self, read):
        with pytest.raises(ReaderError, match=r"strike: every strike .* \(lowest 4,500, spot 4\.5\)"):
            read(CBOE_CSV.replace("Last: 4500.25", "Last: 4.500"))

    @pytest.mark.parametrize("factor", [100.0, 0.01])
    def test_an_index_in_another_unit_is_refused(self, read, factor):
        text = re.sub(r",BTC,(\d+\.\d)", lambda m: f",BTC,{float(m[1]) * factor:.6f}", DERIBIT_CSV)
        with pytest.raises(ReaderError, match=r"spot: received .* every forward is at least 10 times away"):
            read(text, symbol="BTC")

    def test_an_index_half_as_much_again_is_said(self, read):
        text = re.sub(r",BTC,(\d+\.\d)", lambda m: f",BTC,{float(m[1]) * 1.5}", DERIBIT_CSV)
        chain = read(text, symbol="BTC")
        assert [line.partition(":")[0] for line in chain.warnings] == ["forward"]
        assert "2 of 2 expiries" in chain.warnings[0]

    def test_an_index_that_differs_between_rows_is_refused(self, read):
        text = DERIBIT_CSV.replace(",BTC,71473.5", ",BTC,714735")
        words = (
            r"index_price: 1 of 3 rows are more than 10% from the median 71,475\.5 \(71,471\.5 \.\. 714,735\)"
        )
        with pytest.raises(ReaderError, match=words):
            read(text, symbol="BTC")

    def test_a_price_of_yahoo_in_cents(self, read):
        chain = read(YAHOO_JSON.replace("36.23", "3623"))
        assert chain.warnings[0].startswith("strike: received none nearer to spot than 36.5 (spot 3,623")


class TestArguments:
    @pytest.mark.parametrize("shift", [1.5, 10.0])
    def test_a_shift_in_vol_points(self, shift):
        book = gf.assign_positions(gf.demo_chain())
        profile = gf.sweep_spot(book, [6e4, 7e4, 8e4], vol_shift=shift, measures=["gamma", "gross_gamma"])
        (line,) = profile.warnings
        median = np.median(book["sigma"])
        assert line == (
            f"vol_shift: received {shift:g}, which adds {100 * shift:,.0f} vol points to volatilities of "
            f"{median:.0%} (median); plausible is below 1. One vol point is 0.01: pass {shift / 100:g} for "
            f"{shift:g} points."
        )
        assert gf.find_levels(profile).warnings == profile.warnings
        assert hedge_flow(book, vol_shift=shift, steps=1).warnings == (line,)
        cube = gf.sweep(book, [7e4], vol_shifts=[0.0, shift], measures=["gamma"])
        assert cube.warnings == (line,)
        for result in (profile, gf.find_levels(profile), cube, hedge_flow(book, vol_shift=shift, steps=1)):
            assert repr(result).count(f"WARNING: {line}\n") == 1

    @pytest.mark.parametrize("shift", [-0.3, 0.1, 0.5, 0.99])
    def test_shifts_that_can_be_meant(self, shift):
        assert gf.sweep_spot(gf.assign_positions(gf.demo_chain()), [7e4], vol_shift=shift).warnings == ()

    def test_a_hundred_points_on_a_wild_stock(self):
        book = gf.assign_positions(made_chain(spot=5.0, sigma=3.0))
        assert gf.sweep_spot(book, [5.0], vol_shift=1.5).warnings == ()

    def test_volatility_and_rates_of_notes_in_percent(self):
        notes = demo_notes()
        with pytest.raises(SchemaError) as error:
            book_notes(notes, spot=41.59, asof="2026-02-04T21:00Z", sigma=56, rate=3.6, dividend_yield=-2.5)
        text = str(error.value)
        assert (
            f"sigma: received 56 for 10 of 10 notes (first: {notes[0].name}), which is 5600%; legal is up to "
            "500%. It is a decimal: pass 0.56 for 56 %." in text
        )
        assert "rate: received 3.6 for 10 of 10 notes" in text
        assert "dividend_yield: received -2.5 for 10 of 10 notes" in text
        sigma = {note.name: 0.56 for note in notes} | {notes[3].name: 56.0}
        with pytest.raises(SchemaError, match=f"56 for 1 of 10 notes .first: {re.escape(notes[3].name)}"):
            book_notes(notes, spot=41.59, asof="2026-02-04T21:00Z", sigma=sigma)

    def test_a_coupon_in_percent(self):
        note = next(n for n in demo_notes() if n.coupon)
        with pytest.raises(SchemaError, match="coupon: received 8; it must be a share up to 1"):
            dataclasses.replace(note, coupon=8)

    def test_a_books_own_columns(self):
        book = random_book(rows=40)
        columns = dict(book.columns)

        def with_(**changes):
            return Book({**columns, **changes}, "TEST", 100.0, book.asof)

        sigma, rate = book["sigma"].copy(), book["rate"].copy()
        sigma[7] *= 100
        rate[3] = 3.6
        assert [x.partition(":")[0] for x in with_(sigma=sigma).warnings] == ["volatility"]
        assert [x.partition(":")[0] for x in with_(sigma=np.full(40, 56.0)).warnings] == ["volatility"]
        assert [x.partition(":")[0] for x in with_(rate=rate).warnings] == ["rate"]
        assert [x.partition(":")[0] for x in with_(strike=book["strike"] * 8).warnings] == ["strike"]
        early = Book(columns, "TEST", 100.0, book.asof - pd.Timedelta(10_957, "D"))
        assert [x.partition(":")[0] for x in early.warnings] == ["asof"]
        assert f"WARNING: {early.warnings[0]}\n" in repr(early)


@pytest.fixture(scope="module")
def report():
    chain = made_chain(spot=70_000.0, moneyness=np.linspace(0.8, 1.25, 19))
    return gf.analyze(
        altered(chain, open_interest=one_row(chain, "open_interest", lambda n: 1e9), spot=90_000.0),
        vol_shift=2.0,
    )


class TestWarningsReachEveryResult:
    def test_the_chain_is_as_wrong_as_meant(self, report):
        topics = [line.partition(":")[0] for line in report.warnings()]
        assert topics == ["forward", "open interest", "vol_shift"]
        assert report.warnings()[:2] == list(report.chain.warnings) == list(report.book.warnings)

    def test_text_says_each_once(self, report):
        ladder = flow_ladder(report.book, spot_percent=[1.0], hours=[], vol_points=[])
        flow = hedge_flow(report.book, spot=91_000.0, steps=1)
        for result in (report.chain, report.book, report.exposure, ladder, flow):
            for line in report.chain.warnings:
                assert repr(result).count(f"WARNING: {line}") == 1, type(result)
                assert repr(result).count(line) == 1, type(result)
        for result in (report.profile, report.levels, report):
            for line in report.warnings():
                assert repr(result).count(f"WARNING: {line}\n") == 1, type(result)
        assert all(report.levels.explain().count(line) == 1 for line in report.warnings())

    def test_data_say_all(self, report):
        every = report.warnings()
        assert report.to_dict()["warnings"] == report.levels.to_dict()["warnings"] == every
        assert report.exposure.to_dict()["warnings"] == report.to_dict()["quality"]["warnings"] == every[:2]
        json.dumps(report.to_dict())

    def test_page_and_markdown_say_each_once(self, report, tmp_path):
        markdown = report.to_markdown()
        banners = [banner["text"] for banner in page_model(report.to_html(tmp_path / "page.html"))["banners"]]
        for line in report.warnings():
            assert markdown.count(f"> **{line}**") == markdown.count(line) == 1
            assert banners.count(line) == 1

    def test_a_watched_feed_says_each_once(self, report):
        pytest.importorskip("httpx")
        from gammaflow.app.watch import State, to_dict, to_line
        from gammaflow.app.watch_view import render

        now = report.book.asof.to_pydatetime()
        state = State("made up", "XYZ", now, report=report, received_at=now)
        console = Console(width=2_000, file=io.StringIO())
        console.print(render(state))
        for line in report.warnings():
            assert to_line(state).count(f"WARNING: {line}") == 1
            assert console.file.getvalue().count(f"WARNING: {line}") == 1
        assert to_dict(state)["levels"]["warnings"] == report.warnings()

    def test_the_other_side_and_another_spot_keep_them(self, report):
        assert (-report.book).warnings == report.book.warnings
        assert report.book.at(spot=91_000.0).warnings == report.book.warnings

    def test_a_repair_warns_where_a_vendor_would_be_refused(self):
        """A spot twenty times too high is a warning without forwards, and with those of parity."""
        bad = altered(made_chain(forward=False), spot=2_000.0)
        repaired = repair_chain(bad)
        assert np.nanmax(repaired["forward"]) < 200.0
        assert {line.partition(":")[0] for line in bad.warnings} == {"strike", "spot"}
        assert {line.partition(":")[0] for line in repaired.warnings} == {"strike", "forward"}

    def test_a_repaired_chain_keeps_them(self):
        chain = gf.demo_chain()
        bad = altered(chain, open_interest=one_row(chain, "open_interest", lambda n: 1e9))
        assert repair_chain(bad).quality.warnings == bad.warnings != ()


class TestCommands:
    @pytest.fixture
    def run(self, monkeypatch, capsys, tmp_path):
        chain = made_chain(spot=70_000.0, moneyness=np.linspace(0.8, 1.25, 19))
        bad = altered(chain, open_interest=one_row(chain, "open_interest", lambda n: 1e9))
        path = tmp_path / "chain.csv"
        frame = bad.to_frame()
        for place, name in enumerate(("symbol", "vendor", "asof", "spot", "currency")):
            frame.insert(place, name, getattr(bad, name))
        frame.drop(columns=["quote_time", "open_interest_date", "settlement", "root"]).to_csv(
            path, index=False
        )

        def call(command, *args):
            monkeypatch.setattr(sys, "argv", ["gammaflow", command, str(path), *args])
            monkeypatch.setattr(cli.out_console, "width", 2_000, raising=False)
            monkeypatch.setattr(type(cli.out_console), "piped", False)
            with pytest.raises(SystemExit) as stop:
                cli.main()
            assert not stop.value.code
            return bad.warnings[0], capsys.readouterr().out

        return call

    @pytest.mark.parametrize("command", ["levels", "exposure", "profile", "report"])
    def test_text_says_it_once(self, run, command, tmp_path):
        out = ["--out", str(tmp_path / "out.md")] if command == "report" else []
        line, text = run(command, *out)
        assert text.count(f"WARNING: {line}") == text.count(line) == 1

    @pytest.mark.parametrize("command", ["levels", "exposure", "profile", "report"])
    def test_json_says_it(self, run, command):
        line, text = run(command, "--json")
        assert json.loads(text)["warnings"] == [line]

    def test_a_shift_in_points_is_said(self, run):
        _, text = run("levels", "--vol-shift", "10", "--json")
        assert json.loads(text)["warnings"][1].startswith(
            "vol_shift: received 10, which adds 1,000 vol points"
        )


#: Real chains with something to say, and its topic: contracts of an acquired company, of which only some rows
#: came with the acquirer's.
TRUE_OF = {("CDE.json", "NGD"): {"rows"}}


def real_chains(shared, every=1):
    """Each recorded file as its chains, with name and symbol; of snapshots each `every`th."""
    data = shared / "data"
    snapshots = sorted([*data.glob("deribit/*snapshot*.csv"), *data.glob("deribit_daily/*.csv")])[::every]
    listed = sorted(
        [*data.glob("cboe/*.csv"), *data.glob("yahoo_cboe_json/*.json"), *data.glob("stocks/*.json")]
    )
    wanted = [(path, {"symbol": s}) for path, s in product(snapshots, ("BTC", "ETH"))]
    wanted += [
        (p, {"symbol": s}) for p in listed for s in (("CDE", "NGD") if p.name == "CDE.json" else (None,))
    ]
    raw = data / "raw_formats"
    wanted += [(raw / "mimir_deribit_book_summary.json", {}), (raw / "mimir_cboe_options_mstr.json", {})]
    wanted += [(raw / "mimir_cboe_options.json", {"asof": "2026-07-01T16:00:00-04:00"})]
    for path, how in wanted:
        try:
            yield path.name, how.get("symbol"), read_chain(path, **how)
        except ReaderError:
            assert path.name == "CPRX.json"  # its rows contradict their symbols


@pytest.mark.slow
def test_real_chains_are_silent_but_for_what_is_true_of_them(shared):
    found, count = {}, 0
    for name, symbol, chain in real_chains(shared, every=16):
        count += 1
        if chain.quality.warnings:
            found[name, symbol] = {line.partition(":")[0] for line in chain.quality.warnings}
    assert count == 33
    assert found == TRUE_OF


@pytest.mark.slow
def test_hourly_chains_with_inferred_forwards_are_silent(shared):
    folder = shared / "data/deribit_greeks"
    quotes = pd.read_csv(folder / "full_data_sample.csv")
    times = pd.read_csv(folder / "inferred_times_forwards.csv").rename(columns={"date_label": "date"})
    rows = quotes.merge(times, on=["date", "expiry_date"])
    rows = rows.assign(iv=rows["mark_iv"] / 100, kind=rows["type"], forward=rows["inferred_forward"])
    count = 0
    for _, hour in rows.groupby("date"):
        chain = chain_from_frame(
            hour.drop_duplicates("instrument_name"),
            columns={"contract": "instrument_name", "expiry": "expiry_date"},
            symbol="BTC", spot=hour.sort_values("expiry_date")["forward"].iloc[0],
            asof=hour["inferred_time_utc"].min() + "Z", multiplier=1, settlement="08:00 UTC",
        )  # fmt: skip
        assert chain.warnings == ()
        count += 1
    assert count == 37


#: What cannot be told of files of ten rows, or whose rows have neither quotes nor forwards.
NOT_TOLD = {
    ("mimir_deribit_book_summary.json", None): {"median volatility 450 %", "half of the rows"},
    ("mimir_cboe_options.json", None): {"spot x 1.5", "median volatility 450 %", "half of the rows"},
    ("CDE.json", "NGD"): {"spot x 1.5", "median volatility 450 %"},
}


@pytest.mark.slow
def test_every_corruption_of_real_chains_is_noticed(shared):
    missed = []
    for name, symbol, chain in real_chains(shared, every=34):
        wanted = CORRUPTIONS | (FORWARDS if not np.isnan(chain["forward"]).all() else {})
        for what in wanted:
            try:
                assert_noticed(chain, what, wanted)
            except AssertionError:
                if what not in NOT_TOLD.get((name, symbol), ()):
                    missed.append((name, symbol, what))
    assert missed == []


def test_errors_of_contradictions_are_gammaflows():
    with pytest.raises(GammaflowError, match="spot: received"):
        altered(made_chain(), spot=1e6)
