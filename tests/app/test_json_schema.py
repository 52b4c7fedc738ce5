"""The JSON Schema of the package, held against what the library and the command line give."""

import json
from importlib.resources import files

import pytest

import gammaflow as gf
from gammaflow.app import cli, watch
from support.feed_server import FeedServer

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = json.loads(files("gammaflow.report").joinpath("schema.json").read_text(encoding="utf-8"))


def faults(document, name):
    """What the schema has against a document."""
    rules = jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})
    return [f"{list(error.absolute_path)}: {error.message:.200}" for error in rules.iter_errors(document)]


@pytest.fixture(scope="module")
def demo():
    return gf.demo_chain()


@pytest.fixture(scope="module")
def tables(tmp_path_factory, demo):
    """A whole chain, and one with rows that cannot be valued."""
    folder = tmp_path_factory.mktemp("tables")
    frame = demo.to_frame(facts=True)
    frame.to_csv(folder / "whole.csv", index=False)
    frame.loc[3:9, "iv"] = float("nan")
    frame.loc[12:14, "open_interest"] = 0
    frame.loc[20, "expiry"] = frame["asof"].iloc[0] - (frame["expiry"].iloc[0] - frame["asof"].iloc[0])
    frame.to_csv(folder / "holes.csv", index=False)
    return folder


def reports(demo):
    """Reports that differ in what stands in them."""
    coins, terms = gf.assign_positions(demo), {"asof": demo.asof, "sigma": 0.56, "rate": 0.036}
    notes = gf.book_notes(gf.demo_notes()[:1], spot=41.0, **terms)
    notes = notes.in_units_of("BTC", gf.venues.IBIT, spot=demo.spot)
    depth = gf.impact.linear(294e6, source="x")
    yield gf.analyze(demo, where=gf.filters.dte(0, 3), beliefs="customers_buy_puts", depth=depth)
    yield gf.analyze(demo, repair=True, where=gf.filters.calls())
    yield gf.analyze(coins.select(kind="put") + notes)
    yield gf.analyze(gf.assign_positions(demo, "unsigned"))


def test_reports_keep_to_the_schema(demo):
    made = list(reports(demo))
    assert [faults(json.loads(json.dumps(report.to_dict())), "report") for report in made] == [[]] * len(made)
    assert faults(made[0].to_dict()["bands"], "bands") == []
    extra = {**made[1].to_dict(), "novelty": 1.0}
    assert "novelty" in faults(extra, "report")[0]
    assert "spot" in faults({k: v for k, v in extra.items() if k not in ("spot", "novelty")}, "report")[0]


COMMANDS = {
    "report": [["demo"], ["report", "holes", "--dte", "0:60"]],
    "levels_command": [["levels", "holes"], ["levels", "whole", "--rule", "unsigned", "--beliefs", "flat"]],
    "rules_command": [["levels", "whole", "--rule", "all"]],
    "table": [
        ["exposure", "whole"],
        ["exposure", "holes", "--by", "strike", "--measures", "gamma"],
        ["profile", "whole", "--points", "3"],
    ],
    "flow": [["flow", "whole"], ["flow", "whole", "--spot-move", "-5%", "--adv", "30e9"]],
    "compare": [["compare", "whole", "holes"]],
    "simulate": [["simulate", "whole", "--depth", "294e6", "--shock", "-1e9", "--paths", "20"]],
    "verify": [["verify"]],
    "columns": [["columns"], ["columns", "schwab"]],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_keep_to_the_schema(run, tables, name):
    for command in COMMANDS[name]:
        given = [tables / f"{word}.csv" if word in ("whole", "holes") else word for word in command]
        code, out, err = run(*given, "--json")
        assert code == 0, err
        assert faults(json.loads(out), name) == []


def test_folders_of_chains_keep_to_the_schema(run, demo, tmp_path):
    demo.to_frame(facts=True).to_csv(tmp_path / "whole.csv", index=False)
    (tmp_path / "none.csv").write_text("no chain")
    for name in ("batch", "history"):
        code, out, err = run(name, tmp_path, "--json")
        assert code == 0, err
        assert faults(json.loads(out), name) == []


def test_live_commands_keep_to_the_schema(run):
    pytest.importorskip("httpx")
    with FeedServer() as server:
        where = ["deribit", "BTC", "--base-url", server.url]
        code, out, err = run("fetch", *where, "--json")
        assert code == 0, err
        assert faults(json.loads(out), "fetch") == []
        code, out, err = run("watch", *where, "--json", "--count", "2", "--every", "0.1")
    assert out, err
    assert [found for line in out.splitlines() if (found := faults(json.loads(line), "watch"))] == []
    state = watch.State("deribit", "BTC", gf.demo_chain().asof, fault="x")
    assert faults(watch.to_dict(state), "watch") == []


def test_every_command_with_json_is_held_to_the_schema():
    typer = pytest.importorskip("typer")
    group = typer.main.get_command(cli.app).commands
    with_json = {name for name, each in group.items() if any("--json" in p.opts for p in each.params)}
    tested = {command[0] for several in COMMANDS.values() for command in several}
    assert with_json == tested | {"batch", "history", "fetch", "watch"}


def nodes(node, path):
    """Every schema inside a schema, by its place."""
    yield path, node
    for name, inner in node.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from nodes(node[key], f"{path}.*")


def test_every_key_has_a_meaning_and_every_number_a_unit():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    everything = [pair for name, node in SCHEMA["$defs"].items() for pair in nodes(node, name)]
    assert not [path for path, node in everything if not node.get("description")]
    numbers = [(path, node) for path, node in everything if {*node.get("type", ())} == {"number", "null"}]
    numbers += [(path, node) for path, node in everything if node.get("type") in ("number", "integer")]
    assert len(numbers) > 300
    assert not [path for path, node in numbers if not node.get("unit")]
    open_ones = [path for path, node in everything if "properties" in node and node["additionalProperties"]]
    assert not open_ones
    objects = [(path, node) for path, node in everything if "object" in node.get("type", ())]
    assert not [path for path, node in objects if "additionalProperties" not in node]
