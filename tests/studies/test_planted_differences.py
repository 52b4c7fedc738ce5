"""Differences planted in a vendor's numbers, named alone and two together."""

from itertools import combinations

import numpy as np
import pytest

import gammaflow as gf
from support.vendor_numbers import CASES, calculator, vendor, words

# Values searched, of the whole list every other test takes; with all of it the result is the same.
FEWER = {
    "window": ["all", "0dte", "next", "without_next", 7],
    "min_open_interest": [0, 100, 500],
    "moneyness": [None, (0.95, 1.05), (0.9, 1.1)],
    "delta": [None, (0.1, 0.9)],
    "rates": ["chain", "spot"],
    "exercise": [],
}


@pytest.mark.parametrize("case", CASES)
def test_a_planted_difference_is_named_alone_and_two_together(case, request):
    folder = request.getfixturevalue("shared") if CASES[case][0] else None
    calc, planted = calculator(case, folder), CASES[case][2]
    assert len(planted) == 6
    several, untold = {}, {}
    for names in [*combinations(planted, 1), *combinations(planted, 2)]:
        chosen = {name: planted[name] for name in names}
        rows = vendor(case, calc, chosen)
        found = gf.reconcile("exact", float(rows.sum()), calc, tol=1e-8, candidates=FEWER, levels=False)
        search = found.b.search
        assert found.residual == pytest.approx(0.0, abs=1e-8 * abs(rows.sum()))
        # Whatever is reported cannot be told from the planted choices, row by row.
        for other in search.explanations:
            np.testing.assert_allclose(calc.rows(other.convention), rows, rtol=1e-6, atol=1e-8)
        # Each planted choice is in an explanation, or named as one that makes no difference.
        silent = [dict(e.changes) for e in search.silent]
        mute = [name for name in names if words({name: planted[name]}) in silent]
        told = words({name: planted[name] for name in names if name not in mute})
        assert told in found.explanations, names
        if mute:
            untold[names] = mute
        if len(found.explanations) > 1:
            several[names] = [e for e in found.explanations if e != told]
    assert several == EQUAL.get(case, {})
    assert untold == UNTOLD.get(case, {})


# Explanations beside the planted one that no number of the chain tells from it: of legs out of the money
# alone, a repair changes the same ones whether or not it gives the other leg their vol.
EQUAL = {"BTC": {("otm_only", "iv"): [{"otm_only": "yes", "iv": "repaired_legs_apart"}]}}


# Planted choices that change nothing beside the other one: a vendor's gamma has its own day count.
UNTOLD = {
    "SPX": {("day_count", "iv"): ["day_count"]},
    "IBIT": {("day_count", "iv"): ["day_count"]},
}
