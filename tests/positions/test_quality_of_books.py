"""Quality travels with rows: subsets name themselves, sums show the quality of each chain."""

import dataclasses
import pickle

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.market.chain import Chain
from gammaflow.market.quality import Quality
from gammaflow.market.repair.repair import repair_chain
from gammaflow.positions.origins import BookQuality, Part
from support.desk_pages import page_model, texts


@pytest.fixture(scope="module")
def coins():
    chain = gf.demo_chain()
    iv = chain["iv"].copy()
    iv[:20] = np.nan
    return gf.assign_positions(chain.with_columns(iv=iv), venue="Deribit")


@pytest.fixture(scope="module")
def everything(coins):
    """Coins, shares of a fund and notes, in dollars per coin: 578 + 524 + 10 rows."""
    fund = gf.assign_positions(gf.demo_chain(symbol="IBIT"), venue="IBIT", rule="short_all")
    notes = gf.book_notes(gf.demo_notes(), spot=40.53, asof=coins.asof, sigma=0.5)
    ratio = gf.venues.IBIT
    return coins + (fund + notes.at(spot=fund.spot)).in_units_of("BTC", ratio, spot=coins.spot)


COINS = "synthetic demo BTC of 2026-02-05 09:36:00 UTC"
FUND = "synthetic demo IBIT of 2026-02-05 09:36:00 UTC"
WHOLE = "the figures below cover the whole chain as quoted"


def test_a_whole_chain_is_no_subset_and_has_its_own_quality(coins):
    chain = gf.demo_chain()
    book = gf.assign_positions(chain)
    for same in (book, -book, book.kept_in("coin"), book.at(spot=60_000.0), book.in_units_of("mBTC", 1e3)):
        assert same.quality is chain.quality
        assert same.subset is None
        assert same.title == same.symbol
    assert book.select(np.ones(len(book), bool)).subset is None
    assert coins.subset is None
    assert coins.quality.usable == 578


def test_a_subset_names_itself_everywhere(coins, tmp_path):
    part = coins.select(np.arange(578) < 120)
    assert part.subset == (120, 578)
    name = "BTC (subset: 120 of 578 rows)"
    report = gf.analyze(part, spots=[60_000.0, 71_470.0, 80_000.0])
    profile, exposure = report.profile, report.exposure
    flow = gf.hedge_flow(part, spot=70_000.0)
    for result in (part, exposure, profile, report, flow):
        assert repr(result).startswith(f"{type(result).__name__} {name}, as of ")
    assert f"# {name} dealer exposure" in report.to_markdown().replace("\\", "")
    assert "subset: 120 of 578 rows" in report.levels.explain()
    assert "subset: 120 of 578 rows" in dict(report.facts())["source"]
    for plain in (report.to_dict(), report.levels.to_dict(), exposure.to_dict()):
        assert plain["subset"] == {"rows": 120, "of": 578}
    page = report.to_html(tmp_path / "part.html")
    assert f"<h1>{name} dealer gamma</h1>" in page.read_text(encoding="utf-8")
    model = page_model(page)
    assert "subset: 120 of 578 rows" in dict(model["facts"])["source"]
    quality = texts(model["sections"]["tables"]["quality"])
    assert f"{COINS}: 120 of its 578 positions are in this book" in quality
    assert "578 of 598 rows usable" in quality
    assert profile.plot().get_title(loc="left").startswith(f"{name} gamma over spot")
    whole = gf.analyze(coins, spots=[60_000.0, 71_470.0, 80_000.0])
    assert "subset" not in repr(whole) + whole.to_markdown() + whole.levels.explain()
    assert whole.to_dict()["subset"] is None


def test_the_file_of_a_subset_does_not_replace_that_of_the_whole(coins, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    part = coins.select(coins["kind"] == "put")
    assert gf.analyze(part, spots=[7e4, 7.1e4, 8e4]).to_html().name == "BTC_subset_20260205T093600Z.html"


def test_a_subset_does_not_claim_the_chains_share_as_its_own(coins):
    part = coins.select(coins["kind"] == "call")
    quality, whole = part.quality, coins.quality
    assert (
        str(quality).splitlines()[0] == f"{COINS}: {len(part)} of its 578 positions are in this book; {WHOLE}"
    )
    assert str(quality).split("\n", 1)[1] == str(whole)
    assert quality.usable_share == whole.usable_share
    assert quality.score == whole.score
    plain = quality.to_dict()
    assert plain["figures_are_of"] == "whole chains as quoted"
    assert plain["chains"] == [{"positions_in_the_book": len(part), "positions": 578, **whole.to_dict()}]
    assert plain["positions_from_no_chain"] == 0
    for text in (repr(gf.aggregate_exposure(part)), gf.analyze(part, spots=[7e4, 7.1e4, 8e4]).to_markdown()):
        assert WHOLE in text
        assert "no chain" not in text


def test_a_subset_of_a_subset_counts_from_the_whole_and_parts_make_it_whole_again(coins):
    calls, puts = (coins.select(coins["kind"] == kind) for kind in ("call", "put"))
    few = calls.select(calls["strike"] > 80_000.0)
    assert few.subset == (len(few), 578)
    again = calls + puts
    assert again.subset is None
    assert again.quality is coins.quality
    assert (few + few).subset == (len(few), 578)
    assert (calls + few).subset == (len(calls), 578)
    assert (coins + -few).quality is coins.quality
    frame = coins.to_frame()
    fewer = {name: values[:7] for name, values in coins.columns.items()}
    assert dataclasses.replace(coins, columns=fewer).subset == (7, 578)
    assert gf.Book(frame, "BTC", coins.spot, coins.asof).subset is None


def test_quality_of_a_sum_is_that_of_each_chain(everything, coins):
    assert everything.subset is None
    quality = everything.quality
    fund = gf.demo_chain(symbol="IBIT").quality
    assert [q.source for q in quality.each()] == [COINS, FUND]
    lines = str(quality).splitlines()
    assert f"{COINS}: all its 578 positions are in this book; {WHOLE}" in lines
    assert f"{FUND}: all its 524 positions are in this book; {WHOLE}" in lines
    assert lines[-1] == "10 rows of this book come from no chain; their quality is unknown"
    assert str(coins.quality) in str(quality)
    assert str(fund) in str(quality)
    assert (quality.row_count, quality.usable) == (598 + 524, 578 + 524)
    assert np.isnan([quality.usable_share, quality.score, quality.hours_since_close]).all()
    assert quality.table["rows"].to_dict() == {f"{COINS}: implied volatility missing": 20}
    states = {k: coins.quality.quotes.get(k, 0) + fund.quotes.get(k, 0) for k in ("two-sided", "no bid")}
    assert quality.quotes == states
    plain = quality.to_dict()
    assert [chain["source"] for chain in plain["chains"]] == [COINS, FUND]
    assert plain["positions_from_no_chain"] == 10
    report = gf.analyze(everything, spots=[7e4, 7.1e4, 8e4])
    (row,) = report.unusable().to_numpy().tolist()
    assert row[:2] == [f"{COINS}: implied volatility missing", "20"]
    assert "no chain is behind" not in report.to_markdown() + report.levels.explain()


def test_selections_of_a_sum_keep_what_belongs_to_their_rows(everything, coins):
    only_coins = everything.select(everything["venue"] == "Deribit")
    assert only_coins.quality is coins.quality
    assert only_coins.rule == coins.rule
    assert only_coins.subset == (578, 1112)
    notes = everything.select(everything["kind"] == "note")
    assert notes.quality is None
    assert notes.rule_text.startswith("dealers are short every note, IBIT as")
    assert "|" not in notes.rule_text
    assert notes.title == "BTC (subset: 10 of 1,112 rows)"
    assert "No record of quality: no chain is behind the book." in repr(
        gf.analyze(notes, spots=[7e4, 7.1e4, 8e4])
    )
    some = everything.select(np.arange(len(everything)) % 2 == 0)
    held = {part.quality.source: part.held for part in some.quality.parts}
    assert held[COINS] + held[FUND] + some.quality.others == len(some)
    assert (some["venue"] == "Deribit").sum() == held[COINS]
    assert (only_coins + everything.select(everything["venue"] != "Deribit")).subset is None


def test_a_book_valued_later_says_when_its_chain_was_quoted(coins):
    later = coins.at(asof=coins.asof + pd.Timedelta("2h"), spot=70_000.0)
    assert later.subset is None
    head = str(later.quality).splitlines()[0]
    assert head == (
        f"{COINS}: all its 578 positions are in this book, valued as of 2026-02-05 11:36:00 UTC; {WHOLE}"
    )
    back = later.at(asof=coins.asof)
    assert back.quality is coins.quality


def test_two_dates_of_one_chain_show_both():
    chain = gf.demo_chain()
    before = Chain(chain.to_frame(), "BTC", chain.spot, chain.asof - pd.Timedelta("1h"), "synthetic demo")
    now, was = gf.assign_positions(chain), gf.assign_positions(before)
    change = now + -was.at(asof=now.asof)
    heads = [line for line in str(change.quality).splitlines() if "positions are in this book" in line]
    assert [head[:49] for head in heads] == [COINS + ": al", COINS.replace("09:36", "08:36") + ": al"]
    assert "valued as of 2026-02-05 09:36:00 UTC" in heads[1]
    assert len(change) == 2 * len(now)


def test_a_repaired_chain_travels_too():
    repaired = repair_chain(gf.demo_chain())
    book = gf.assign_positions(repaired)
    part = book.select(book["kind"] == "put")
    assert book.quality is repaired.quality
    assert part.quality.parts[0].quality is repaired.quality
    assert "parity forward on 7 of 7 expiries" in str(part.quality)
    assert part.quality.to_dict()["chains"][0]["volatility_source"] == {"vendor": 598}


def test_positions_given_name_themselves_as_a_subset_without_quality():
    frame = gf.assign_positions(gf.demo_chain()).to_frame()
    book = gf.Book(frame, "BTC", 71_470.0, gf.demo_chain().asof)
    part = book.select(book["kind"] == "put")
    assert part.quality is None
    assert part.sources == ()
    assert f"subset: {len(part)} of 598 rows" in repr(part)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([0, 1], r"int64 of shape \(2,\)"),
        (np.ones(5, bool), r"bool of shape \(5,\)"),
    ],
)
def test_what_is_no_mask_is_refused(coins, rows, words):
    with pytest.raises(gf.SchemaError, match=f"received {words}; legal: one bool for each .* 578 rows"):
        coins.select(rows)


def test_warnings_of_each_chain_reach_the_sum(everything):
    first, second = (
        dataclasses.replace(quality, warnings=(text,))
        for quality, text in zip(everything.quality.each(), ("stale", "odd"), strict=True)
    )
    both = BookQuality.of([Part(first, 1, 2), Part(second, 3, 3)], 0, everything.asof)
    assert both.warnings == (f"{COINS}: stale", f"{FUND}: odd")
    assert both.to_dict()["warnings"] == list(both.warnings)
    assert "WARNING: stale" in str(both)
    assert BookQuality.of([Part(first, 1, 2)], 0, everything.asof).warnings == ("stale",)


def test_a_chain_is_measured_when_its_quality_is_asked_for_and_let_go():
    """Nor does a pickle hold the chain."""
    chain = gf.demo_chain()
    book = gf.assign_positions(chain)
    assert "quality" not in vars(chain)
    copied = pickle.loads(pickle.dumps(gf.assign_positions(chain)))
    (source,) = book.origins[0].sources
    assert source.measured is chain
    assert book.quality is chain.quality
    assert source.measured is chain.quality
    assert isinstance(copied.origins[0].sources[0].measured, Quality)
    assert copied.quality.to_dict() == chain.quality.to_dict()
    assert copied.warnings == book.warnings
    assert (book + -book).quality.to_dict() == book.quality.to_dict()
