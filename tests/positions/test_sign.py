"""No result and no command says that dealers are long where positions are open interest alone."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

import gammaflow as gf
from gammaflow.app import cli
from gammaflow.exposure.exercise import compare_exercise
from gammaflow.exposure.flow import flow_ladder, hedge_flow
from gammaflow.report import analyze
from gammaflow.units import CONVENTION
from support.desk_pages import page_model, texts

NONE = "sign: none (open interest alone)"
#: Words that tell dealers' side, which the numbers of an unsigned book do not know.
SIDES = re.compile(r"dealers (are|turn|own|owe|buy|sell|trade)")

RESULTS: dict[str, Callable[[gf.Book], Any]] = {
    "Exposure": gf.aggregate_exposure,
    "Profile": lambda book: gf.sweep_spot(book, [60_000, 70_000, 80_000]),
    "Cube": lambda book: gf.sweep(book, [60_000, 70_000, 80_000], days=[0, 1]),
    "Levels": lambda book: gf.find_levels(gf.sweep_spot(book, [60_000, 70_000, 80_000])),
    "HedgeFlow": lambda book: hedge_flow(book, spot=65_000),
    "FlowLadder": lambda book: flow_ladder(book, spot_percent=[-2.0, 3.0], hours=[4.0], vol_points=[1.0]),
    "Report": analyze,
}


@pytest.fixture(scope="module")
def books() -> tuple[gf.Book, gf.Book]:
    chain = gf.demo_chain()
    return gf.assign_positions(chain, "unsigned"), gf.assign_positions(chain)


def sign_of(text: str) -> str:
    (line,) = [line.strip() for line in text.splitlines() if line.strip().startswith("sign")]
    return re.sub(r"^sign:?\s+", "sign: ", line)


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_of_unsigned_positions_says_that_it_has_no_sign(name: str, books: Any) -> None:
    unsigned, signed = (RESULTS[name](book) for book in books)
    assert sign_of(repr(unsigned)).startswith(NONE)
    assert not SIDES.search(repr(unsigned))
    assert sign_of(repr(signed)).startswith("sign: + = dealers")


def test_early_exercise_of_an_unsigned_book() -> None:
    chain = gf.demo_chain(symbol="IBIT")
    for rule, sign in (("unsigned", NONE), ("short_all", f"sign: {CONVENTION}")):
        found = repr(compare_exercise(gf.assign_positions(chain, rule)))
        assert sign_of(found) == sign


def test_a_book_tells_its_sign_in_one_place(books: Any) -> None:
    unsigned, signed = books
    assert (unsigned.sign, signed.sign) == ("none (open interest alone)", CONVENTION)
    assert unsigned.sign_of("+ = up") == unsigned.sign
    assert signed.sign_of("+ = up") == "+ = up"
    assert not SIDES.search(repr(unsigned))
    assert f"{signed['position'][signed['position'] > 0].sum():,.0f} and short" in repr(signed)
    assert f"{unsigned['position'].sum():,.0f} contracts of open interest" in repr(unsigned)
    assert NONE.removeprefix("sign: ") in gf.find_levels(RESULTS["Profile"](unsigned)).explain()


def test_a_report_of_an_unsigned_book_in_every_form(books: Any, tmp_path: Any) -> None:
    report = analyze(books[0])
    assert ("sign", "none (open interest alone)") in report.facts()
    assert report.to_dict()["sign"] == "none (open interest alone)"
    page = report.to_html(tmp_path / "page.html")
    plain = re.sub(r"(?s)<script.*?</script>", "", page.read_text(encoding="utf-8"))
    model = page_model(page)
    head = texts(
        {name: value for name, value in model.items() if name not in ("views", "strikes", "sections")}
    )
    for text in (report.to_markdown(), plain, head):
        assert "none (open interest alone)" in text
        assert not SIDES.search(text)


@pytest.mark.parametrize("command", ["demo", "report", "levels", "exposure", "profile"])
def test_every_command(command: str, monkeypatch: Any, capsys: Any, tmp_path: Any) -> None:
    path = tmp_path / "chain.csv"
    chain = gf.demo_chain()
    shared = {name: getattr(chain, name) for name in ("symbol", "vendor", "asof", "spot", "currency")}
    chain.to_frame().assign(**shared).to_csv(path, index=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli.out_console, "width", 200, raising=False)
    for rule, sign in (("unsigned", NONE), ("calls_long_puts_short", f"sign: {CONVENTION}")):
        arguments = [command, *([] if command == "demo" else [str(path)]), "--rule", rule]
        monkeypatch.setattr(sys, "argv", ["gammaflow", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert not stop.value.code
        out = capsys.readouterr().out
        assert sign_of(out) == sign
        assert bool(SIDES.search(out)) == (rule != "unsigned")
