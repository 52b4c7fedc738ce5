"""README.md: its lines run and print what they show, its calls are legal, its links lead somewhere."""

import ast
import doctest
import inspect
import re
import warnings
from functools import reduce
from pathlib import Path

import matplotlib as mpl
import pytest

import gammaflow as gf

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
CELLS = [line.split(" | ", 1)[1] for line in TEXT.splitlines() if line.startswith("| ") and "`gf." in line]
SNIPPETS = [code for cell in CELLS for code in re.findall(r"`([^`]*gf\.[^`]*)`", cell)]


@pytest.fixture(scope="module")
def names():
    chain = gf.demo_chain()
    return {"gf": gf, "chain": chain, "report": gf.analyze(chain)}


def test_the_lines_print_what_they_show(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parsed = doctest.DocTestParser().get_doctest(TEXT, {}, "README.md", "README.md", 0)
    assert len(parsed.examples) >= 5
    assert doctest.DocTestRunner(verbose=False).run(parsed).failed == 0
    assert (tmp_path / "report.html").stat().st_size > 100_000


@pytest.mark.parametrize("code", SNIPPETS)
def test_each_call_of_the_table_is_legal(code):
    """Every function is there, and takes the arguments that it is given."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    ours = [node for node in calls if re.fullmatch(r"gf(\.\w+)+", ast.unparse(node.func))]
    assert ours
    for node in ours:
        function = reduce(getattr, ast.unparse(node.func).split(".")[1:], gf)
        named = {keyword.arg: None for keyword in node.keywords}
        inspect.signature(function).bind(*node.args, **named)


def test_the_table_says_what_it_is_said_to(names):
    """The lines that need no file, by their values."""
    mpl.use("Agg")
    found = {}
    for code in SNIPPETS:
        known = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)} <= set(names)
        if known and not re.search(r"read_|history", code):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found[code.split("(")[0]] = eval(code, dict(names))
    assert set(found) == {
        "gf.hedge_flow", "gf.analyze", "gf.compare_rules", "gf.sign_bands", "gf.solve_cascade", "gf.reconcile"
    }  # fmt: skip
    flow = found["gf.hedge_flow"]
    assert flow.spot == 0.95 * names["chain"].spot
    assert float(found["gf.sign_bands"]) == pytest.approx(0.95, abs=0.01)
    assert found["gf.analyze"].book["expiry"].min() > names["chain"]["expiry"].min()
    assert found["gf.solve_cascade"].spot < names["chain"].spot


def test_the_range_over_rules_is_the_one_it_gives(names):
    brief = gf.compare_rules(names["chain"]).brief().drop(index="unsigned")["gamma"]
    low, high = re.search(r"runs from (-\d+m) to \+(\d+m) per 1 % by rule", TEXT).groups()
    assert {low, high} <= set(brief)
    millions = brief.str.removesuffix("m").astype(float)
    assert (millions.min(), millions.max()) == (float(low[:-1]), float(high[:-1]))


def test_its_links_and_pictures_are_in_the_repository():
    links = re.findall(r"\]\((?!https?:)([^)#]+)", TEXT)
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []
