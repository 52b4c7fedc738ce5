"""Doors of the library: a wrong kind of object is named, with the right one and how it is made."""

import pandas as pd
import pytest

import gammaflow as gf

BOOK_DOORS = {
    "sweep_spot": {}, "aggregate_exposure": {}, "sweep": {}, "hedge_flow": {"spot": 60_000.0},
    "flow_ladder": {}, "compare_exercise": {}, "fit_smiles": {}, "compare_dynamics": {},
    "flip_path": {"days": [0]},
    "flow_around_spot": {},
}  # fmt: skip
CHAIN_DOORS = {
    "assign_positions": {}, "compare_rules": {}, "repair_chain": {}, "sensitivity": {},
    "estimate_open_interest": {"flow": pd.Series({"X": 1.0}), "alpha": 0.4},
}  # fmt: skip


@pytest.fixture(scope="module")
def chain():
    return gf.demo_chain()


@pytest.mark.parametrize("name", BOOK_DOORS)
def test_a_chain_where_a_book_belongs(name, chain):
    with pytest.raises(gf.SchemaError) as error:
        getattr(gf, name)(chain, **BOOK_DOORS[name])
    assert (
        str(error.value) == "book: received Chain; legal: a Book, as assign_positions(chain, rule) returns."
    )


@pytest.mark.parametrize("name", CHAIN_DOORS)
def test_a_book_or_a_path_where_a_chain_belongs(name, chain):
    legal = "legal: a Chain, as read_chain or chain_from_frame returns."
    for given, words in ((gf.assign_positions(chain), "Book"), ("x.csv", "str 'x.csv'")):
        with pytest.raises(gf.SchemaError) as error:
            getattr(gf, name)(given, **CHAIN_DOORS[name])
        assert str(error.value) == f"chain: received {words}; {legal}"


def test_other_nouns(chain):
    book = gf.assign_positions(chain)
    flow = gf.customer_flow(gf.read_trades(tape(chain["contract"][:1])))
    for call, words in (
        (lambda: gf.find_levels(book), "profile: received Book; legal: a Profile, as sweep_spot(book)"),
        (lambda: gf.flip_term_structure(book), "profile: received Book; legal: a Profile, as"),
        (lambda: gf.compare_books(chain, book), "a: received Chain; legal: a Book, as assign_positions"),
        (lambda: gf.compare_books(book, chain), "b: received Chain; legal: a Book, as assign_positions"),
        (lambda: gf.open_interest_change(book, chain), "earlier: received Book; legal: a Chain, as read"),
        (lambda: gf.open_interest_change(chain, "x"), "later: received str 'x'; legal: a Chain, as read"),
        (lambda: gf.customer_flow(chain), "trades: received Chain; legal: Trades, as read_trades returns."),
        (lambda: gf.sign_bands(flow), "book: received Flow; legal: a Chain, as read_chain or "),
        (lambda: gf.fit_open_interest([(chain, flow)]), "days: received Chain; legal: an OpenInterest"),
        (lambda: gf.read_trades(chain), "path: received a Chain; the path of one file"),
    ):
        with pytest.raises(gf.SchemaError) as error:
            call()
        assert str(error.value).startswith(words)
        assert "\n" not in str(error.value)


def tape(contracts, **more):
    rows = {"contract": contracts, "timestamp": 1770284207000, "price": 0.02, "size": 3.0, "direction": "buy"}
    return pd.DataFrame(rows | more)


def test_a_flow_of_another_underlying_names_both(chain):
    flow = gf.customer_flow(gf.read_trades(tape(["ETH-27MAR26-2000-P"])))
    with pytest.raises(gf.SchemaError) as error:
        gf.assign_positions(chain, flow)
    assert str(error.value).startswith("BTC: dealers hold none of the chain's 598 contracts: customer_flow (")
    assert "first: 'ETH-27MAR26-2000-P'; the chain's first: 'BTC-" in str(error.value)
    with pytest.raises(gf.SchemaError, match="rule: received 598 positions of 0; at least one"):
        gf.assign_positions(chain, [0.0] * len(chain))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: gf.filters.delta(5, 50),
            "delta: received 5 to 50; legal: decimals up to 1, such as 0.05 to",
        ),
        (lambda: gf.filters.moneyness(80, 120), "moneyness: received 80 to 120; legal: decimals up to 20"),
        (
            lambda: gf.reconcile("exact", -7e7, gf.demo_chain(), tol=5),
            "tol: received 5; legal: a relative tol",
        ),
        (
            lambda: gf.estimate_open_interest(gf.demo_chain(), pd.Series({"X": 1.0}), alpha=40),
            "alpha: received 40; legal: contracts of open interest per contract",
        ),
    ],
)
def test_percent_where_a_decimal_belongs(call, words):
    with pytest.raises(gf.SchemaError) as error:
        call()
    assert words in str(error.value)


def test_ranges_without_an_upper_end_are_legal():
    assert gf.filters.delta(0.5).text == "delta >= 0.5"
    assert gf.filters.delta(0.0, 1.0).text == "delta 0 to 1"
    assert gf.filters.moneyness(1.2).text == "moneyness >= 1.2"
