"""Every noun and result in a notebook: escaped, small, with the numbers of the table."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow.notebook import ROWS, column_texts, page
from gammaflow.units import describe

TAGS = {"div", "p", "strong", "pre", "table", "thead", "tbody", "tr", "th", "td"}
SIZES = {"k": 1e3, "m": 1e6, "bn": 1e9, "tn": 1e12}


class _Checked(HTMLParser):
    """Tags that are open, all tags and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def _cells(text):
    """Head and rows of the first table of a page."""
    table = text.split("<table", 1)[1].split("</table>", 1)[0]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table)]
    return [unescape(cell) for cell in rows[0]], [[unescape(cell) for cell in row] for row in rows[1:]]


def test_every_result_has_a_small_page_without_scripts_and_styles(every_result):
    for name, result in every_result.items():
        text = result._repr_html_()
        checked = _Checked()
        checked.feed(text)
        assert not checked.open, name
        assert checked.seen <= TAGS, name
        assert checked.attributes <= {"style", "class"}, name
        assert not re.search(r"#[0-9a-f]{3}\b|(?<!-)color:(?!inherit)|background:(?!none)", text), name
        assert len(text) < 40_000, name
        if "<table" in text:
            assert len(_cells(text)[1]) <= 40, name


def test_the_heading_has_date_and_rule(every_result):
    for name in ("Book", "Exposure", "Profile", "Levels", "HedgeFlow", "FlowLadder", "Cube", "Report"):
        text = every_result[name]._repr_html_()
        assert "2026-02-05 09:36" in text.split("</strong>")[0], name
        assert re.search(r"rule:? +calls_long_puts_short", text), name


@pytest.mark.parametrize("name", ["Exposure", "Profile", "Cube", "HedgeFlow", "FlowLadder"])
def test_numbers_are_the_tables(every_result, name):
    result = every_result[name]
    head, rows = _cells(result._repr_html_())
    table = result.table
    levels = table.index.nlevels
    even = table.index.name == "spot"
    places = np.unique(np.linspace(0, len(table) - 1, ROWS).round().astype(int)) if even else np.arange(ROWS)
    assert len(rows) == min(ROWS, len(table))
    assert [label.split(" [")[0] for label in head[levels:]] == list(table)
    for k, column in enumerate(table):
        unit = re.search(r"\[(.*)\]", head[levels + k])[1]
        named = unit.split()[1] if len(unit.split()) > 1 else ""
        size = SIZES.get(named, 1.0)
        assert " ".join(w for w in unit.split() if w != named or size == 1.0) == (
            describe("USD").get(column, "USD") if name != "FlowLadder" else "USD"
        )
        for row, place in zip(rows, places, strict=False):
            value, shown = table[column].iloc[place], row[levels + k]
            if np.isnan(value):
                assert shown == ""
                continue
            digits = len(shown.partition(".")[2])
            assert float(shown.replace(",", "")) == pytest.approx(value / size, abs=0.501 * 10.0**-digits)


def test_a_profile_shows_rows_over_all_its_spots(every_result):
    profile = every_result["Profile"]
    _, rows = _cells(profile._repr_html_())
    shown = [float(row[0].replace(",", "")) for row in rows]
    assert (shown[0], shown[-1]) == pytest.approx((profile.spots[0], profile.spots[-1]), rel=1e-5)
    assert f"{ROWS} of {len(profile.spots)} rows, evenly spaced" in profile._repr_html_()


def test_hostile_names_are_escaped():
    evil = '<script>alert("x")</script><img src=x onerror=y>'
    chain = gf.demo_chain()
    rows = np.arange(len(chain)) < 3
    names = np.array([f"{evil}{i}" for i in range(3)], object)
    small = replace(chain.select(rows).with_columns(contract=names), symbol=evil[:8] + "&\x1b[2J")
    for noun in (small, gf.assign_positions(small), gf.aggregate_exposure(gf.assign_positions(small))):
        text = noun._repr_html_()
        assert "<script" not in text
        assert "<img" not in text
        assert "\x1b" not in text
        assert "&lt;script" in text
    table = pd.DataFrame({evil: [evil]}, index=pd.Index([evil], name=evil))
    text = page(evil, table, {evil: evil})
    assert "<script" not in text
    assert text.count("&lt;script") >= 4


def test_columns_as_text():
    utc = pd.Series(pd.to_datetime(["2026-02-05T09:36Z", None], utc=True))
    assert column_texts("asof", utc) == ("asof [UTC]", ["2026-02-05 09:36", ""])
    days = pd.Series(pd.to_datetime(["2026-02-05", "2026-02-06"]))
    assert column_texts("day", days) == ("day", ["2026-02-05", "2026-02-06"])
    assert column_texts("n", pd.Series([1_234_567, 2])) == ("n", ["1,234,567", "2"])
    assert column_texts("x", pd.Series([-1e-12, np.nan, 12_345_678.9])) == ("x", ["-1e-12", "", "12,345,679"])
    assert column_texts("f", pd.Series([True, False])) == ("f", ["True", "False"])
    texts = pd.Series([None, "a\nb", "c" * 100], dtype=object)
    assert column_texts("t", texts)[1] == ["", "a b", "c" * 77 + "..."]
    assert column_texts("gamma", pd.Series([np.nan, np.inf, 15.0]), "USD")[1] == ["", "inf", "15.00"]
    assert column_texts("gamma", pd.Series([-0.0001]), "USD") == ("gamma [USD]", ["0.000"])


def test_showing_computes_nothing_that_was_not_asked(every_result, monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("computed")

    profile = every_result["Profile"]
    monkeypatch.setattr(type(profile), "levels", fail)
    monkeypatch.setattr(type(profile), "_money", fail)
    assert "gamma" in profile._repr_html_()
    assert "<table" not in every_result["Store"]._repr_html_()


def test_a_table_without_columns_is_left_out():
    assert "<table" not in page("head", pd.DataFrame(index=[1, 2]))
    assert "<pre" not in page("head")


def test_times_of_another_zone_are_written_in_utc():
    times = pd.Series(pd.DatetimeIndex([None, "2026-01-05 09:00", "2026-07-01 00:00"], tz="America/New_York"))
    name, texts = column_texts("time", times)
    # New York is five hours behind in winter and four in summer.
    assert (name, texts) == ("time [UTC]", ["", "2026-01-05 14:00", "2026-07-01 04:00"])


def test_whole_numbers_that_are_missing():
    column = pd.Series([1_234_567, None], dtype="Int64")
    assert column_texts("n", column) == ("n", ["1,234,567", ""])
    assert column_texts("n", pd.Series([pd.NA, "x"], dtype=object)) == ("n", ["", "x"])
