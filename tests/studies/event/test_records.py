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
    assert text.endswith("\nCorrect each, or take it out: its claims then end in 'cannot tell'.")
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


READ = {
    "IBIT": lambda records: records.daily("IBIT"),
    "hours": Records.hours,
    "flows": Records.flows,
    "DVOL": Records.volatility_index,
    "open interest": Records.open_interest,
}


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("IBIT", lambda text: "", "the file is empty"),
        ("IBIT", lambda text: text.splitlines()[0] + "\n", "the file has no rows below its heading"),
        ("IBIT", lambda text: text.replace("High", "X").replace("Low", "High").replace("X", "Low"),
         "the low is above the high in 11 of 11 rows (first: 2026-01-26); columns are swapped"),
        ("IBIT", lambda text: text.replace("Close", "X").replace("Volume", "Close").replace("X", "Volume"),
         "the close is above the high in 11 of 11 rows"),
        ("IBIT", lambda text: text.replace("36.1,", "0.0,"), "a price of 0 on 2026-02-05; prices must"),
        ("IBIT", lambda text: text.replace("41.57,", "4l.57,"), "received '4l.57', in a Series of"),
        ("hours", lambda text: text[: text.index("2026-02-06 12")] + "2026-02-06 1",
         "row 61 of 61 has no time: received '2026-02-06 1'"),
        ("flows", lambda text: text.replace("-434.1", "-434100000"),
         "total_musd: the largest flow is 434,100,000; it must be in millions of dollars"),
        ("DVOL", lambda text: text.replace("1770249600", "noon"), "row 2 of 3 is no number: received 'noon'"),
        ("open interest", lambda text: text.replace("47000000000.0", "0"), "numbers must be > 0"),
    ],
)  # fmt: skip
def test_broken_file(folder, name, edit, message):
    """A file cut, emptied, with columns swapped or a wrong unit: the bad value is named."""
    path = folder / FILES[name].path
    old = path.read_text()
    path.write_text(edit(old))
    assert path.read_text() != old
    with pytest.raises(gf.errors.ReaderError) as error:
        READ[name](Records(folder))
    said = str(error.value)
    assert said.startswith(f"{FILES[name].path}: cannot be read (")
    assert message in said


def test_volatility_in_percent(tmp_path):
    """Implied volatility of the one call must be in decimals."""
    call = {"option_type": "call", "strike_price": 85.0, "expiration_date": "2027-12-17", "ibit_price": 41.0,
            "time_to_expiration": 1.9, "volume": 1, "open_interest": 1}  # fmt: skip
    days = pd.Index(["2026-02-04", "2026-02-05"], name="timestamp")
    write(tmp_path, {"one call": pd.DataFrame({**call, "implied_volatility": 60.0}, days)})
    with pytest.raises(gf.errors.ReaderError, match="implied_volatility is in percent; it must be in deci"):
        Records(tmp_path).one_call()
