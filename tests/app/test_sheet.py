import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from gammaflow.app.sheet import Column, amounts, bands, bars, labels, sheet, texts

POWERS = {"": 1.0, "k": 1e3, "m": 1e6, "bn": 1e9, "tn": 1e12}
MONEY = st.floats(-1e15, 1e15) | st.sampled_from([0.0, np.nan, 1e-7, -999.96, 999_950.0, 1e18])


def shown(columns, width):
    console = Console(width=width, file=open("/dev/null", "w"), record=True)  # noqa: SIM115
    console.print(sheet(columns))
    console.file.close()
    return console.export_text().splitlines()


@settings(max_examples=50)
@given(st.lists(MONEY, min_size=1, max_size=6))
def test_a_column_of_amounts_has_one_unit_and_four_digits_of_the_largest(values):
    column = amounts("gamma", values, "USD per +1 % spot")
    assert column.head[0] == "gamma"
    assert column.head[2] == "per 1%"
    unit = POWERS[column.head[1].removeprefix("$")]
    largest = np.nanmax(np.abs(values), initial=0.0)
    for value, cell in zip(values, column.cells, strict=True):
        if np.isnan(value):
            assert cell == "-"
        else:
            assert abs(float(cell.replace(",", "")) * unit - value) <= 0.00051 * largest + 5e-10
            assert not re.match(r"-0\.?0*$", cell)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(70, 140))
def test_bands_fit_the_width_and_hold_every_column_in_order(widths, room):
    key = texts("expiry", ["2026-03-27 08:00"])
    columns = [Column((f"c{i}",), ("9" * width,)) for i, width in enumerate(widths)]
    found = bands([key], columns, room)
    assert [column for band in found for column in band[1:]] == columns
    for band in found:
        assert band[0] is key
        lines = shown(band, room)
        assert max(map(len, lines)) <= room
        for column in band[1:]:
            assert any(column.cells[0] in line for line in lines)


def test_a_long_name_goes_on_below_and_a_number_is_whole():
    lines = shown([texts("contract", ["x" * 70]), texts("gamma", ["-1,234,567.89"], right=True)], 40)
    assert sum(line.count("x") for line in lines) == 70
    assert any("-1,234,567.89" in line for line in lines)
    assert not any("…" in line for line in lines)


def test_labels_of_strikes_share_their_decimals():
    assert labels("strike", [22.5, 23.0]).cells == ("22.50", "23.00")
    assert labels("strike", [70_000.0]).cells == ("70,000",)


@settings(max_examples=50)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=8), st.integers(3, 20))
def test_bars_are_proportional_and_on_their_side(values, width):
    found = bars(values, width)
    largest = max(map(abs, values)) or 1.0
    for value, cell in zip(values, found.cells, strict=True):
        left, right = cell.split("|")
        assert (len(left), len(right)) == (width, width)
        assert left.count("█") == (round(width * -value / largest) if value < 0 else 0)
        assert right.count("█") == (round(width * value / largest) if value > 0 else 0)
        assert left == left.strip().rjust(width)


@pytest.mark.parametrize("numbers", [[], [np.nan], [0.0, 0.0]])
def test_columns_without_a_number(numbers):
    assert amounts("gamma", numbers, "EUR").head == ("gamma", "EUR")
    assert len(amounts("gamma", numbers, "EUR").cells) == len(numbers)
