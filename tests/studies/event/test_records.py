"""Files of the record: missing, damaged and thin ones, and their traps."""

import re

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.studies.event import scorecard
from gammaflow.studies.event.claims import CLAIMS
from gammaflow.studies.event.records import FILES, Records
from support.made_up_event import DAY, HOURS, bars, files, verdict, write


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path, files())


def test_one_file_alone(tmp_path):
    found = scorecard(write(tmp_path, {"margin": files()["margin"]}))
    told = found.table.index[~np.isinf(found.numbers["found_low"])]
    assert list(told) == ["rarity", "margin_sold"]
    assert f"1 of {len(FILES)} files" in found.lines[2]
    assert "event/daily_IBIT.csv" in found.lines[2]


def test_a_day_that_is_missing(folder):
    claim = verdict(folder, "fall", IBIT=bars().drop(DAY))
    assert (claim.verdict, claim.record) == ("cannot tell", "event/daily_IBIT.csv has no row of 2026-02-05")


def test_no_folder(tmp_path):
    with pytest.raises(gf.SchemaError, match=r"^folder: received .*which is not a folder; pass the root"):
        scorecard(tmp_path / "absent")
    with pytest.raises(gf.SchemaError, match=r"^folder: received .*has none of the \d+ files .*daily_IBIT"):
        scorecard(tmp_path)
    with pytest.raises(gf.SchemaError, match=r"^folder: received None; legal: the path of a folder"):
        scorecard(None)


def test_damaged_files_are_named_together(folder):
    (folder / FILES["margin"].path).write_text("time,longs\n2026-02-05,1\n")
    (folder / FILES["DVOL"].path).write_bytes(b"\xff\xfe\x00garbage")
    table = bars()
    table.loc[DAY, "Close"] = np.nan
    write(folder, {"IBIT": table})
    with pytest.raises(gf.errors.ReaderError) as error:
        scorecard(folder)
    text = str(error.value)
    assert text.startswith("3 files of the records not accepted:\n")
    assert (
        "bitfinex_margin_btc_1h.csv: cannot be read (no column longs_btc, shorts_btc; found time, longs)"
        in text
    )
    assert "deribit_dvol_1d_2021_2026.csv: cannot be read" in text
    assert "daily_IBIT.csv: cannot be read (record not accepted: - Close: 1 of 11 rows not accepted" in text


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("IBIT", lambda t: pd.concat([t, t.tail(1)]), "1 row repeated"),
        ("IBIT", lambda t: t.iloc[::-1], "times must ascend"),
        ("IBIT", lambda t: t.assign(Close="n/a"), "Close"),
        ("IBIT", lambda t: t.assign(Volume=-1.0), "numbers must be >= 0"),
        ("hours", lambda t: t.rename(index={HOURS[3]: "noon"}), "cannot be read"),
        ("flows", lambda t: t.drop(columns="IBIT"), "no column IBIT"),
    ],
)
def test_damaged_file(folder, name, wrong, message):
    write(folder, {name: wrong(files()[name])})
    with pytest.raises(gf.errors.ReaderError, match=re.escape(FILES[name].path)) as error:
        scorecard(folder)
    assert message in str(error.value)


@pytest.mark.parametrize("cut", ["from the day", "two rows", "standing still"])
def test_thin_records_still_have_verdicts(tmp_path, cut):
    """Records that begin on the day, that have two rows, or in which nothing moves: no claim fails."""
    tables = files()
    for name, table in tables.items():
        if cut == "from the day" and name != "DVOL":
            tables[name] = table[(pd.DatetimeIndex(table.index).tz_localize(None)) >= DAY]
        elif cut == "two rows":
            tables[name] = table.head(2)
        elif cut == "standing still":
            tables[name] = table.assign(**{column: table[column].iloc[0] for column in table})
    found = scorecard(write(tmp_path, tables))
    assert len(found.table) == len(CLAIMS)
    assert (found.table["record"] != "").all()
    if cut == "standing still":
        told = found.table["verdict"]
        assert (
            told["fall"] == told["record"] == told["fell_in_dollars"] == told["margin_sold"] == "contradict"
        )
        assert told["vol_beta"] == "cannot tell"


def test_damaged_chain_is_named(folder):
    path = folder / FILES["chain of 4 Feb"].path
    path.parent.mkdir()
    path.write_text("not,a,chain\n1,2,3\n")
    with pytest.raises(gf.errors.ReaderError, match=re.escape(FILES["chain of 4 Feb"].path)):
        scorecard(folder)


def test_one_call_leaves_out_another_contract(folder):
    """Newest first, two timestamps without an offset, a row of another option."""
    columns = {"option_type": "call", "strike_price": 85, "expiration_date": "2027-12-17", "ibit_price": 40.0,
               "time_to_expiration": 1.8, "volume": 1.0, "open_interest": 9}  # fmt: skip
    stamps = ["2026-02-05T16:30:57-05:00", "2026-02-04T16:35:01", "2026-02-03T16:36:19-05:00"]
    table = pd.DataFrame({"timestamp": stamps, **columns, "implied_volatility": [0.627, 0.606, 0.601]})
    other = table.tail(1).assign(strike_price=60, implied_volatility=0.4)
    path = folder / FILES["one call"].path
    pd.concat([table, other]).to_csv(path, index=False)
    found = Records(folder).one_call()["implied_volatility"]
    assert found.index.strftime("%d").tolist() == ["03", "04", "05"]
    assert found.tolist() == [0.601, 0.606, 0.627]


def test_flows_published_the_next_day(folder):
    """The flow of 5 February stands under the 6th, and an empty row is none."""
    table = pd.DataFrame({"date": ["2026-02-05", "2026-02-06", "2026-02-09", "2026-02-10"], "ticker": "IBIT",
                          "flow_usd": [-373.44e6, -175.34e6, 231.62e6, None]})  # fmt: skip
    table.to_csv(folder / FILES["flows, next day"].path, index=False)
    claim = verdict(folder, "created")
    assert tuple(claim.found) == pytest.approx((-121.044 * 0.04, -121.004 * 0.04), rel=1e-5)
    assert "+145.02 baskets" in claim.note
    table.loc[1, "flow_usd"] = 6e6 * 36.22
    table.to_csv(folder / FILES["flows, next day"].path, index=False)
    assert verdict(folder, "created").verdict == "confirm"


def test_price_at_midnight_is_the_next_opening(folder):
    from gammaflow.studies.event.spots import midnight

    assert midnight(Records(folder), "2026-02-05") == 63_000.0
    assert midnight(Records(folder), "2026-02-04") == 70_000.0
