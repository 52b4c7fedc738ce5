"""Rows of a chain, and of a book, by mask and by column."""

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.market.chain import NOT_SELECTED


@pytest.fixture(scope="module")
def chain():
    return gf.demo_chain()


def test_by_mask_by_column_and_by_both(chain):
    frame = chain.to_frame()
    moment = pd.Timestamp("2026-03-27T08:00Z")
    cases = {
        "mask": (chain.select(frame["strike"] < 7e4), frame["strike"] < 7e4),
        "word": (chain.select(kind="put"), frame["kind"] == "put"),
        "number": (chain.select(strike=70_000), frame["strike"] == 7e4),
        "numbers": (chain.select(strike=[6e4, 7e4]), frame["strike"].isin([6e4, 7e4])),
        "moment": (chain.select(expiry=moment), frame["expiry"] == moment),
        "text": (chain.select(expiry="2026-03-27T09:00+01:00"), frame["expiry"] == moment),
        "its own": (chain.select(expiry=chain["expiry"][:1]), frame["expiry"] == frame["expiry"].iloc[0]),
        "several": (
            chain.select(frame["strike"] < 7e4, kind="put", expiry=[moment], root={"BTC"}),
            (frame["strike"] < 7e4) & (frame["kind"] == "put") & (frame["expiry"] == moment),
        ),
    }
    for name, (part, mask) in cases.items():
        pd.testing.assert_frame_equal(part.to_frame(), frame[mask].reset_index(drop=True), obj=name)
        assert (part.spot, part.asof, part.vendor, part.synthetic) == (
            chain.spot, chain.asof, chain.vendor, True,
        )  # fmt: skip
        assert part.left_out[NOT_SELECTED] == (~mask).sum()


def test_a_part_says_so_and_parts_of_parts_do(chain):
    puts = chain.select(kind="put")
    near = puts.select(strike=[7e4])
    rows = len(chain)
    assert chain.title == "BTC"
    assert puts.title == f"BTC (subset: {len(puts)} of {rows} rows)"
    assert near.title == f"BTC (subset: {len(near)} of {rows} rows)"
    assert repr(near).startswith(f"Chain {near.title} from synthetic demo")
    assert f"{rows - len(near):,} rows of the file excluded: not selected" in str(near.quality)
    whole = chain.select(np.ones(rows, bool))
    assert whole.title == "BTC"
    assert dict(whole.left_out) == {}


def test_gammas_of_parts_add_up(chain):
    def gamma(part):
        return gf.aggregate_exposure(gf.assign_positions(part)).total()["gamma"]

    assert gamma(chain.select(kind="call")) + gamma(chain.select(kind="put")) == pytest.approx(
        gamma(chain), rel=1e-12
    )


@pytest.mark.parametrize(
    ("rows", "criteria", "words"),
    [
        (None, {"colour": "red"}, "'colour' is not a column of a chain; legal: contract, expiry, strike"),
        (None, {"kind": "calls"}, "kind: received 'calls'; legal: one of 'call', 'put'"),
        (None, {"root": 7}, "root: received 7; legal: text"),
        (None, {"strike": "high"}, "strike: 1 of 1 rows are not numbers"),
        (None, {"expiry": "2026-03-27"}, "expiry: received '2026-03-27', which has no time zone"),
        (None, {"strike": 1.0}, "received strike=1.0: none of the chain's 598 rows is selected"),
        (None, {"strike": []}, r"received strike=\[\]: none of the chain's 598 rows is selected"),
        ([True], {}, r"received bool of shape \(1,\); legal: one bool for each of the chain's 598 rows"),
        ("strike > 70000", {}, "received 'strike > 70000'; legal: one bool for each of the chain's 598 rows"),
        (np.zeros(598), {}, r"received float64 of shape \(598,\); legal: one bool"),
        (np.zeros(598, bool), {}, "received a mask that is False in every row: none of the chain's 598 rows"),
        (
            None,
            {"strike": 1.0, "kind": "put"},
            r"received strike=1.0, kind='put': .* No row has strike=1.0\.",
        ),
        (
            np.ma.MaskedArray(np.ones(598, bool), [True] + [False] * 597),
            {},
            "received a masked array with masked entries",
        ),
    ],
)
def test_what_cannot_be_selected(chain, rows, criteria, words):
    with pytest.raises(gf.SchemaError, match=f"select: {words}"):
        chain.select(rows, **criteria)


def test_all_problems_at_once(chain):
    with pytest.raises(gf.SchemaError) as error:
        chain.select([True], colour="red", kind="calls", expiry="2026-03-27")
    assert [line.split(":")[1].split()[0] for line in str(error.value).splitlines()] == [
        "received", "'colour'", "kind", "expiry",
    ]  # fmt: skip


def test_a_mask_and_criteria_that_exclude_each_other(chain):
    with pytest.raises(gf.SchemaError, match="received a mask, kind='put': none of the chain's 598 rows"):
        chain.select(chain["kind"] == "call", kind="put")


def test_books_alike(chain):
    book = gf.assign_positions(chain)
    part = book.select(book["strike"] < 7e4, kind="put", venue="synthetic demo")
    np.testing.assert_array_equal(
        part["contract"], book["contract"][(book["strike"] < 7e4) & (book["kind"] == "put")]
    )
    assert part.title == f"BTC (subset: {len(part)} of {len(book)} rows)"
    with pytest.raises(gf.SchemaError, match="'root' is not a column of a book; legal: contract, venue"):
        book.select(root="BTC")
    with pytest.raises(gf.SchemaError, match="'down-in put'"):
        book.select(kind="knock-in")


def test_a_part_of_a_repaired_chain_keeps_its_marks_and_forwards(chain):
    whole = gf.repair_chain(chain)
    days = np.unique(whole["expiry"])[[1, 4]]
    mask = np.isin(whole["expiry"], days) & (whole["kind"] == "put")
    part = whole.select(mask)
    assert isinstance(part, gf.RepairedChain)
    np.testing.assert_array_equal(part["iv"], whole["iv"][mask])
    pd.testing.assert_frame_equal(part.marks, whole.marks[mask].reset_index(drop=True))
    pd.testing.assert_frame_equal(part.forwards, whole.forwards.iloc[[1, 4]])
    assert part.original["contract"].tolist() == part["contract"].tolist()
    assert part.quality.checks["forward known"] == 1.0
    assert part.title == f"BTC (subset: {mask.sum()} of {len(whole)} rows)"
    assert part.quality.before.row_count == mask.sum()


def test_criteria_of_any_scalar_type_and_ragged_masks(chain):
    puts = chain.select(kind=np.array("put"))
    assert set(puts["kind"]) == {"put"}
    assert (
        len(chain.select(strike=np.array(chain["strike"][0])))
        == (chain["strike"] == chain["strike"][0]).sum()
    )
    with pytest.raises(gf.SchemaError, match="kind: received <object"):
        chain.select(kind=object())
    with pytest.raises(gf.SchemaError, match="one bool for each"):
        chain.select([[1], [2, 3]])
