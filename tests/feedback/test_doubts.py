"""Inputs in the wrong unit, as someone new gives them: each is refused or named in the result."""

from __future__ import annotations

import pytest

import gammaflow as gf

DEPTH = gf.impact.linear(294e6, source="a test")
SURFACE = gf.constant_gamma_surface(-100e6, 70_000.0)


def path() -> gf.HedgePath:
    """Gamma of -50m per 1 % at every spot."""
    return gf.gamma_path(lambda spots: -50e6 + 0.0 * spots, 100.0)


def run(**options: float) -> gf.FeedbackPaths:
    given = {"volatility": 0.5, "paths": 4, "steps": 4, "seed": 1, **options}
    return gf.simulate_feedback(SURFACE, impact=DEPTH, **given)  # type: ignore[arg-type]


def test_depth_in_millions_is_refused_by_its_name() -> None:
    book = gf.assign_positions(gf.demo_chain(), "short_all")
    with pytest.raises(gf.SchemaError) as caught:
        gf.solve_cascade(book, shock=-2e9, impact=gf.impact.linear(294, source="a test"))
    text = str(caught.value)  # 2e9 / 294 * 0.01
    assert "impact: the shock alone moves ln S by 68,027.2, and 294 USD moves price 1 %." in text
    assert "low" not in text


def test_shock_as_a_share_of_price_is_named() -> None:
    words = "WARNING: shock: received -0.05 USD, which moves price by 2e-10 %, and 294m USD moves it by 1 %"
    fall = gf.solve_cascade(path(), shock=-0.05, impact=DEPTH)
    assert words in fall.summary()
    paths = run(shock=-0.05)
    assert words in paths.summary()
    assert [text.partition(":")[0] for text in paths.warnings] == ["shock"]
    assert "WARNING" not in gf.solve_cascade(path(), shock=-2e9, impact=DEPTH).summary()


def test_beta_in_hundredths_of_a_point_is_named_and_depth_is_not_blamed() -> None:
    book = gf.assign_positions(gf.demo_chain(), "short_all")
    gain = gf.loop_gain(gf.sweep_spot(book), DEPTH, beta=-300.0)
    assert [text.partition(":")[0] for text in gain.warnings] == ["beta"]
    assert "by which vol moves 300 points per 1 %" in gain.summary()
    assert [text.partition(":")[0] for text in run(beta=-300.0).warnings] == ["beta"]


def test_volatility_in_percent_is_named() -> None:
    (text,) = run(volatility=56.0).warnings
    assert text == "volatility: received 56, which is 5,600 % a year; plausible: up to 10. 0.56 is 56 %."
    assert run().warnings == ()


def test_loop_gain_of_a_book_says_to_sweep_it() -> None:
    book = gf.assign_positions(gf.demo_chain(), "short_all")
    with pytest.raises(gf.SchemaError, match=r"received Book; legal: a Repricing, as sweep_spot\(book\)"):
        gf.loop_gain(book, DEPTH)  # type: ignore[arg-type]


def test_a_curve_has_no_amplification_at_rest() -> None:
    curve = gf.cascade_curve(path(), [-1e9, 0.0, 1e9], impact=DEPTH)
    assert "nan" not in curve.summary()
    rest = next(line for line in curve.summary().splitlines() if "0.00 USD:" in line)
    assert rest.strip() == "0.00 USD: 100.00 (+0.00 %)"
