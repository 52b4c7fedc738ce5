"""Every noun can be pickled, copied and sent to another process, and stays read-only there."""

import copy
import pickle
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.frozen import Frozen, FrozenMapping, lock
from gammaflow.market.feeds.answer import Answer
from gammaflow.pricing.results import Greeks


def _nouns():
    chain, fund = gf.demo_chain(), gf.demo_chain(symbol="IBIT")
    book = gf.assign_positions(chain)
    notes = gf.demo_notes()
    notes_book = gf.book_notes(notes, spot=41.59, asof=fund.asof, sigma=0.56, rate=0.036)
    american = gf.assign_positions(fund.with_columns(dividend_yield=0.02))
    report = gf.analyze(chain)
    store = gf.Store(tempfile.mkdtemp())
    store.append(chain)
    tape = {"contract": "BTC-27MAR26-70000-P", "timestamp": [1770284207000, 1770284208000], "price": 0.06}
    trades = gf.read_trades(pd.DataFrame(tape | {"size": [2.5, 4.0], "direction": ["buy", "sell"]}))
    answer = Answer("https://example.com/IBIT.json", 200, datetime.now(UTC), b"{}", {"etag": "1"})
    return {
        "Chain": chain,
        "RepairedChain": gf.repair_chain(fund),
        "Quality": chain.quality,
        "RepairQuality": gf.repair_chain(chain).quality,
        "Book": book,
        "Book of American rows": american,
        "Book of notes": notes_book,
        "Book of several origins": book + -book,
        "BookQuality": (book + -book).at(asof=chain.asof + pd.Timedelta("1h")).quality,
        "NoteTerms": notes[0].terms(notes_book.asof),
        **{type(note).__name__: note for note in notes},
        "Exposure": report.exposure,
        "Profile": report.profile,
        "Profile with smiles": gf.sweep_spot(book, [6e4, 7e4], dynamics="sticky_delta"),
        "Cube": gf.sweep(book, [6e4, 7e4], days=[0, 1]),
        "Levels": report.levels,
        "LoopGain": gf.loop_gain(report.profile, 294e6, beta=-3.0),
        "HedgeFlow": gf.hedge_flow(book, spot=7e4, days=1.0),
        "FlowLadder": gf.flow_ladder(book),
        "Smiles": gf.fit_smiles(book),
        "ExerciseComparison": gf.compare_exercise(american),
        "Report": report,
        "Answers": gf.Answers("cboe", "IBIT", FrozenMapping({"delayed_quotes": answer})),
        "Snapshot": store.list()[0],
        "Feed": gf.Feed("deribit", "BTC"),
        "TapeRule": gf.classification.TAPE_RULES["quote"],
        "Layers": gf.classification.TAPE_RULES["layered"],
        "Classified": gf.classification.classify(
            {"contract": ["C"], "price": [1.2], "bid": 1.0, "ask": 1.2}, "quote_own"
        ),
        "Trades": trades,
        "Flow": gf.customer_flow(trades),
        "Greeks": gf.bsm.greeks("c", [90.0, 100.0], 100.0, 0.5, 0.03, 0.2, 0.01),
    }


@pytest.fixture(scope="module")
def nouns():
    return _nouns()


NAMES = [
    "Chain", "RepairedChain", "Quality", "RepairQuality", "Book", "Book of American rows", "Book of notes",
    "Book of several origins", "BookQuality", "NoteTerms", "Autocallable", "BarrierNote",
    "ReverseConvertible",
    "Exposure", "Profile", "Profile with smiles", "Cube", "Levels", "LoopGain", "HedgeFlow",
    "FlowLadder", "Smiles", "ExerciseComparison", "Report", "Answers", "Snapshot", "Feed", "TapeRule",
    "Layers", "Classified", "Trades", "Flow", "Greeks",
]  # fmt: skip


def assert_same(one, other, where="it", seen=()):
    """Equal in every field and column, throughout; arrays of the copy read-only where it is frozen."""
    assert type(one) is type(other), where
    if id(one) in seen:
        return
    seen = (*seen, id(one))
    if isinstance(one, np.ndarray):
        equal = pd.Series(one.ravel()).equals(pd.Series(other.ravel()))
        assert (one.shape, one.dtype, equal) == (other.shape, other.dtype, True), where
    elif isinstance(one, pd.DataFrame | pd.Series):
        assert one.equals(other), where
        assert one.index.equals(other.index), where
    elif isinstance(one, FrozenMapping | dict):
        assert list(one) == list(other), where
        for name in one:
            assert_same(one[name], other[name], f"{where}[{name}]", seen)
    elif isinstance(one, tuple):
        assert len(one) == len(other), where
        for i, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            assert_same(mine, theirs, f"{where}[{i}]", seen)
    elif isinstance(one, Greeks):
        assert_same(
            dict(zip(one.names, one.block, strict=True)), dict(zip(other.names, other.block, strict=True))
        )
    elif is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}", seen)
    else:
        assert one == other or (one != one and other != other), where


def arrays(it, seen):
    """Every array in frozen objects and mappings, throughout."""
    if id(it) in seen:
        return
    seen.add(id(it))
    if isinstance(it, np.ndarray):
        yield it
    elif isinstance(it, FrozenMapping):
        for value in it.values():
            yield from arrays(value, seen)
    elif isinstance(it, Frozen):
        for field in fields(it):
            yield from arrays(getattr(it, field.name), seen)


@pytest.mark.parametrize("how", [lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy, copy.copy])
@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_equal_in_every_column_and_read_only(nouns, name, how):
    it = nouns[name]
    twin = how(it)
    assert twin is not it
    assert_same(it, twin, name)
    assert str(it) == str(twin)
    assert not any(array.flags.writeable for array in arrays(twin, set()))
    assert not any(array.flags.writeable for array in arrays(it, set()))


def test_names_are_all_nouns(nouns):
    assert sorted(NAMES) == sorted(nouns)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_gives_read_only_columns(nouns, protocol):
    twin = pickle.loads(pickle.dumps(nouns["Chain"], protocol))
    assert_same(nouns["Chain"], twin)
    with pytest.raises(ValueError, match="read-only"):
        twin["strike"][0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        twin["contract"][0] = "x"


def gamma_of(book):
    return gf.aggregate_exposure(book).total()["gamma"]


def sides_of(book):
    return [book.select(book["kind"] == kind) for kind in ("call", "put")]


def test_another_process_values_a_book_and_what_it_sends_back_is_of_the_same_chain(nouns):
    book = nouns["Book"]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        gamma = pool.submit(gamma_of, book)
        calls, puts = pool.submit(sides_of, book).result()
        assert gamma.result() == gamma_of(book)
    both = calls + puts
    assert (both.subset, both.title) == (None, "BTC")
    assert calls.title == f"BTC (subset: {len(calls)} of {len(book)} rows)"
    assert str(both.quality) == str(book.quality)
    assert both.origins == book.origins


def test_a_frozen_mapping_is_a_mapping_that_cannot_be_altered():
    given = {"a": np.zeros(2), "b": 1}
    held = FrozenMapping(given)
    given["c"] = 2
    assert (list(held), len(held), "a" in held, held.get("c")) == (["a", "b"], 2, True, None)
    assert held["a"].flags.writeable
    with pytest.raises(TypeError):
        held["a"] = 1
    with pytest.raises(AttributeError, match="altered"):
        held._values = {}
    assert FrozenMapping({"b": 1}) == {"b": 1}
    assert FrozenMapping() == {}
    assert FrozenMapping({"b": 1}) | {"c": 2} == {"b": 1, "c": 2} == {"b": 1} | FrozenMapping({"c": 2})
    assert repr(FrozenMapping({"b": 1})) == "FrozenMapping({'b': 1})"
    assert not lock({"a": np.zeros(2)})["a"].flags.writeable
