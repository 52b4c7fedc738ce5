import numpy as np
import pandas as pd
import pytest

import gammaflow as gf
from gammaflow import dynamics
from gammaflow.errors import SchemaError
from support.books import random_book

SPOTS = np.linspace(80, 120, 21)


@pytest.mark.parametrize(
    "how", ["sticky_strike", dynamics.STICKY_DELTA, dynamics.spot_vol_beta(-0.3)], ids=str
)
def test_slices_equal_single_sweeps(how):
    book = random_book(1)
    cube = gf.sweep(book, SPOTS, days=[0, 0.5, 9], vol_shifts=[-0.02, 0.1], dynamics=how)
    for i, days in enumerate(cube.days):
        for j, shift in enumerate(cube.vol_shifts):
            single = gf.sweep_spot(book, SPOTS, days=days, vol_shift=shift, dynamics=how).table
            for name, values in cube.values.items():
                np.testing.assert_array_equal(values[i, j], single[name])
    assert (days, shift) == (9, 0.1)
    pd.testing.assert_frame_equal(cube.at(9, 0.1).table, single)


def test_tables_are_labelled():
    cube = gf.sweep(random_book(1), SPOTS, days=[0, 3], vol_shifts=[0, 0.05], measures=["gamma", "vega"])
    assert cube.table.index.names == ["days", "vol_shift", "spot"]
    assert cube.table.shape == (2 * 2 * 21, 2)
    assert cube.table.loc[(3.0, 0.05, 100.0), "vega"] == cube.values["vega"][1, 1, 10]
    days = cube.over_days("gamma", 0.05)
    assert days.columns.tolist() == [0.0, 3.0]
    np.testing.assert_array_equal(days[3.0], cube.values["gamma"][1, 1])
    shifts = cube.over_vol_shifts("vega", 3.0)
    np.testing.assert_array_equal(shifts[0.05], cube.values["vega"][1, 1])
    assert "2 days (0 .. 3) x 2 vol shifts (0 .. 0.05) x 21 spots" in repr(cube)


def test_default_grid_is_the_profiles():
    book = random_book(1)
    np.testing.assert_array_equal(gf.sweep(book).spots, gf.sweep_spot(book).spots)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"days": []}, "days: received an empty list"),
        ({"vol_shifts": []}, "vol_shifts: received an empty list"),
        ({"days": [-1, "x"]}, "days: received -1"),
        ({"vol_shifts": [-5]}, "vol_shift: received -5"),
        ({"measures": ["guts"]}, "measures: received ['guts']"),
        ({"dynamics": "magic"}, "dynamics: received 'magic'"),
    ],
)
def test_illegal_axes_are_refused(options, words):
    with pytest.raises(SchemaError) as error:
        gf.sweep(random_book(1), SPOTS, **options)
    assert words in str(error.value)


def test_what_the_cube_has_not_got_is_named():
    cube = gf.sweep(random_book(1), SPOTS, days=[0, 3])
    with pytest.raises(SchemaError, match=r"days: received 2; the cube has \[0.0, 3.0\]"):
        cube.over_vol_shifts("gamma", 2)
    with pytest.raises(SchemaError, match=r"vol_shift: received 0\.1"):
        cube.over_days("gamma", 0.1)
    with pytest.raises(SchemaError, match="measure: received 'theta'; the cube has 'delta'"):
        cube.over_days("theta")
