"""Numbers of the desk page on recorded chains of each vendor; the large ones are slow tests."""

from __future__ import annotations

import pytest

import gammaflow as gf
from gammaflow.report.desk import desk_model
from support.desk_checks import check_bars, check_interest, check_view, recomputed

SAMPLE = (
    ("deribit/deribit_options_snapshot_20260205T093647Z.csv", "BTC"),
    ("deribit/deribit_options_snapshot_20260207T153421Z.csv", "ETH"),
    ("deribit_daily/deribit_options_snapshot_20260116T092000Z.csv", "BTC"),
    ("yahoo_cboe_json/IBIT_20260710T1937ET.json", None),
    ("stocks/ADC.json", None),
    ("stocks/AON.json", None),
)
LARGE = (
    ("cboe/spx_20220205_LucaCastelli.csv", None),
    ("cboe/spx_20230914_carlosjimenezdiaz.csv", None),
    ("stocks/KMI.json", None),
    ("stocks/QQQI.json", None),
    ("stocks/CDE.json", None),
)
ID = str


def check(shared, path, symbol, other_rules):
    chain = gf.read_chain(shared / "data" / path, symbol=symbol)
    report = gf.analyze(chain)
    model = desk_model(report, rules=None if other_rules else [], dynamics=[], sections=False)
    for key, view in model["views"].items():
        rule, dynamics, selection = key.split("|")
        again = recomputed(chain, report, rule, dynamics, selection)
        check_view(again, view)
        check_bars(model, rule, selection, again)
    check_interest(model, model["rules"][0], chain)


@pytest.mark.parametrize(("path", "symbol"), SAMPLE, ids=ID)
def test_numbers_of_the_page_are_those_of_analyze(shared, path, symbol):
    check(shared, path, symbol, other_rules=False)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "symbol"), LARGE, ids=ID)
def test_numbers_of_large_pages_are_those_of_analyze(shared, path, symbol):
    check(shared, path, symbol, other_rules=True)
