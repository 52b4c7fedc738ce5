"""Facts of chains: venue, quote unit, file format, synthetic; what repair, books and reports make of them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.market import quality
from gammaflow.market.facts import facts_by_vendor
from gammaflow.market.readers import FORMATS
from gammaflow.positions.venues import VENUES
from support.markets import market
from support.reader_samples import SAMPLES

FACTS = {
    "gammaflow_table": ("demo", "demo", "currency"),
    "cboe_csv": ("cboe", "US options", "currency"),
    "cboe_json": ("cboe", "US options", "currency"),
    "deribit_json": ("deribit", "Deribit", "coin"),
    "deribit_table": ("deribit", "Deribit", "coin"),
    "yahoo_json": ("yahoo", "US options", "currency"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_readers_set_vendor_venue_format_and_quote_unit(tmp_path, name):
    text, arguments = SAMPLES[name]
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    chain = gf.read_chain(path, **arguments)
    vendor, venue, unit = FACTS[name]
    if name == "gammaflow_table":
        vendor = venue = chain.vendor
    assert (chain.vendor, chain.venue, chain.quote_unit) == (vendor, venue, unit)
    assert (chain.file_format, chain.synthetic) == (name, False)


def test_every_vendor_and_format_of_the_readers_is_known():
    own = {"gammaflow_table": "gammaflow", "gammaflow_snapshot": "gammaflow"}
    assert {form.name: form.vendor for form in FORMATS} == {n: v for n, (v, _, _) in FACTS.items()} | own
    venues = {facts_by_vendor(name, "X")["venue"] for name in FACTS.keys() - own.keys()}
    venues |= {gf.demo_chain().venue}
    assert venues == {"Deribit", "US options", "synthetic demo"}
    assert venues <= set(VENUES)


def test_a_file_may_be_asked_for_by_its_vendor_or_its_format(tmp_path):
    path = tmp_path / "file"
    path.write_text(SAMPLES["deribit_json"][0], encoding="utf-8")
    for vendor in ("deribit", "deribit_json"):
        assert gf.read_chain(path, vendor=vendor).file_format == "deribit_json"
    with pytest.raises(gf.ReaderError, match="received vendor='cboe', but the file is 'deribit_json'"):
        gf.read_chain(path, vendor="cboe")


def test_venue_is_the_vendor_where_not_given_and_books_take_it():
    chain = replace(gf.demo_chain(), vendor="mine", venue="")
    assert chain.venue == "mine"
    assert set(gf.assign_positions(chain)["venue"]) == {"mine"}
    moved = replace(chain, venue="CME")
    assert set(gf.assign_positions(moved)["venue"]) == {"CME"}
    assert set(gf.assign_positions(moved, venue="IBIT")["venue"]) == {"IBIT"}


def test_an_unknown_quote_unit_is_refused():
    with pytest.raises(gf.SchemaError, match="quote_unit: received 'euro'; legal: 'currency', 'coin'"):
        replace(gf.demo_chain(), quote_unit="euro")


def test_repair_takes_the_quote_unit_of_the_chain_unless_told():
    coin = market(coin=True)
    assert coin.quote_unit == "coin"
    by_fact, told = (
        gf.repair_chain(coin),
        gf.repair_chain(replace(coin, quote_unit="currency"), quoted_in="coin"),
    )
    np.testing.assert_array_equal(by_fact["iv"], told["iv"])
    assert set(by_fact.forwards["rate_source"]) == {"coin"}
    named = replace(coin, vendor="deribit", venue="Deribit", quote_unit="currency")
    assert "coin" not in set(gf.repair_chain(named).forwards["rate_source"])
    assert (by_fact.quote_unit, by_fact.venue, by_fact.vendor) == ("coin", coin.venue, coin.vendor)


def test_synthetic_is_a_fact_and_no_guess_from_names():
    demo = gf.demo_chain()
    said = "Synthetic demonstration data: no number here is a market quote."
    assert demo.synthetic
    assert said in gf.analyze(replace(demo, vendor="x", venue="y")).warnings()
    assert said not in gf.analyze(replace(demo, synthetic=False)).warnings()
    book = gf.assign_positions(demo) + gf.assign_positions(replace(demo, synthetic=False))
    assert book.synthetic
    assert not book.select(book["origin"] == 1.0).synthetic
    assert gf.book_notes(gf.demo_notes(), spot=41.59, asof=demo.asof, sigma=0.5).synthetic


def test_frames_say_venue_and_quote_unit():
    frame = gf.demo_chain().to_frame()
    told = {"symbol": "BTC", "spot": 71_470.0, "asof": "2026-02-05T09:36Z", "vendor": "mine"}
    chain = gf.chain_from_frame(frame, venue="Deribit", quote_unit="coin", **told)
    assert (chain.vendor, chain.venue, chain.quote_unit) == ("mine", "Deribit", "coin")
    with pytest.raises(gf.SchemaError, match="quote_unit: received 'x'"):
        gf.chain_from_frame(frame, quote_unit="x", **told)


@pytest.mark.parametrize(
    ("vendor", "symbol", "venue", "unit", "form", "synthetic"),
    [
        ("deribit_json", "BTC", "Deribit", "coin", "deribit_json", False),
        ("deribit_table", "SOL_USDC", "Deribit", "currency", "deribit_table", False),
        ("deribit", "ETH", "Deribit", "coin", "", False),
        ("cboe_csv", "SPX", "US options", "currency", "cboe_csv", False),
        ("yahoo_json", "IBIT", "US options", "currency", "yahoo_json", False),
        ("synthetic demo", "BTC", "synthetic demo", "currency", "", True),
        ("mine", "X", "mine", "currency", "", False),
    ],
)
def test_what_older_files_say_by_their_vendor(vendor, symbol, venue, unit, form, synthetic):
    expected = {"venue": venue, "quote_unit": unit, "file_format": form, "synthetic": synthetic}
    assert facts_by_vendor(vendor, symbol) == expected


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_table_keeps_the_facts_and_an_older_one_is_told_by_its_vendor(tmp_path, ending):
    chain = replace(market(coin=True), venue="Deribit", vendor="deribit_table", synthetic=True)
    table, path = chain.to_frame(facts=True), tmp_path / f"chain{ending}"

    def written(frame):
        frame.to_csv(path, index=False) if ending == ".csv" else frame.to_parquet(path, index=False)
        return gf.read_chain(path)

    again = written(table)
    assert (again.venue, again.quote_unit, again.synthetic, again.file_format) == (
        "Deribit", "coin", True, "gammaflow_table",
    )  # fmt: skip
    pd.testing.assert_frame_equal(again.to_frame(), chain.to_frame())
    older = written(table.drop(columns=["venue", "quote_unit", "synthetic"]))
    assert (older.vendor, older.venue, older.quote_unit, older.synthetic) == (
        "deribit_table", "Deribit", "coin", False,
    )  # fmt: skip
    with pytest.raises(gf.ReaderError, match="synthetic: received 'perhaps'; legal: True or False"):
        written(table.assign(synthetic="perhaps"))


def test_reasons_are_constants():
    chain = gf.demo_chain()
    iv, oi = chain["iv"].copy(), chain["open_interest"].copy()
    iv[:3] = np.nan, 0.0, 5e-4
    oi[3:5] = np.nan, 0.0
    days = np.full(len(chain), np.datetime64("2026-02-04", "ns"))
    days[5] = np.datetime64("2026-02-06", "ns")
    changed = chain.with_columns(iv=iv, open_interest=oi, open_interest_date=days)
    assert changed.unusable[:7].tolist() == [
        quality.IV_MISSING, quality.IV_ZERO, quality.IV_PLACEHOLDER,
        quality.INTEREST_MISSING, quality.NO_INTEREST, quality.LOOK_AHEAD, "",
    ]  # fmt: skip
    assert set(changed.unusable) - {""} <= set(quality.REASONS)
    given = gf.assign_positions(changed, np.ones(len(chain)))
    assert len(given) == len(chain) - 3
