"""The documentation as text: what it lists, links to and cites. `make docs` builds it and runs its code."""

import functools
import inspect
import re
import types
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import gammaflow as gf

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [page for page in PAGES if not {"_build", "gallery_pages", "generated"} & set(page.parts)]
TEXTS = [*PAGES, *ROOT.glob("*.md"), ROOT / "gammaflow/README.md", ROOT / "benchmarks/README.md"]


def public(module=gf, name=""):
    """Every function and class that a user can call, by the name that is typed after gf."""
    for key in module.__all__:
        value, path = getattr(module, key), f"{name}{key}"
        if isinstance(value, types.ModuleType):
            yield from public(value, f"{path}.")
        elif callable(value):
            yield path, value


PUBLIC = dict(public())


def docstring(name):
    return inspect.getdoc(PUBLIC[name]).splitlines()


def section(lines, title):
    """Lines of a section of a docstring; none where it has no such section."""
    starts = [k for k, line in enumerate(lines[:-1]) if line == title and set(lines[k + 1]) == {"-"}]
    if not starts:
        return []
    after = lines[starts[0] + 2 :]
    ends = [k for k, line in enumerate(after[1:]) if line and set(line) == {"-"}]
    return after[: ends[0]] if ends else after


def test_every_public_name_is_in_the_reference():
    text = "".join((ROOT / f"docs/reference/{page}.md").read_text() for page in ("api", "modules", "array"))
    listed = re.findall(r"^   gammaflow\.([\w.]+)$", text, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert {name for name in listed if name not in PUBLIC} == set()
    shown = {id(PUBLIC[name]) for name in listed}
    assert [name for name, value in PUBLIC.items() if id(value) not in shown] == []


def test_every_public_name_has_an_example_and_names_its_neighbors():
    without = [
        name for name in PUBLIC if not [x for x in section(docstring(name), "Examples") if ">>> " in x]
    ]
    assert without == []
    assert [name for name in PUBLIC if not section(docstring(name), "See Also")] == []


def test_neighbors_exist():
    lost = []
    for name, value in PUBLIC.items():
        home = name.rpartition(".")[0]
        for line in section(docstring(name), "See Also"):
            if not line or line.startswith(" "):
                continue
            for other in line.split(" : ")[0].split(", "):
                tried = [
                    other,
                    f"{home}.{other}",
                    other.removeprefix("gammaflow."),
                    other.removeprefix("gf."),
                ]
                known = any(found(path) for path in tried)
                if not known and not hasattr(inspect.getmodule(value), other):
                    lost.append(f"{name}: {other}")
    assert lost == []


def found(path):
    try:
        return functools.reduce(getattr, path.split("."), gf) is not None
    except AttributeError:
        return False


def prose(text):
    """A page without its code."""
    return re.sub(
        r"`[^`\n]*`", "", re.sub(r"^```(?!\{(?:include|toctree)).*?^```$", "", text, flags=re.S | re.M)
    )


def anchors(page):
    heads = re.findall(r"^#+ (.+)$", prose(page.read_text()), re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}
    return slugs | set(re.findall(r"^\(([\w-]+)\)=$", page.read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_lead_somewhere(page):
    text, lost = prose(page.read_text()), []
    for target in re.findall(r"\]\(<?([^)>\s]+)>?\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        if path.startswith("gallery_pages") or (
            path and file.with_suffix(".md").exists() and not file.suffix
        ):
            continue
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            lost.append(target)
    for target in re.findall(r"\{doc\}`(?:[^`<]*<)?([^`>]+)>?`", page.read_text()):
        base = ROOT / "docs" if target.startswith("/") else page.parent
        if "gallery_pages" not in target and not (base / f"{target.lstrip('/')}.md").exists():
            lost.append(target)
    assert lost == []


def test_links_outside_are_well_formed():
    """Their form only: nothing here asks the network."""
    sources = [*TEXTS, *(ROOT / "gammaflow").rglob("*.py")]
    for source in sources:
        text = source.read_text(encoding="utf-8")
        links = re.findall(r"\]\((https?://[^)\s]+)\)", text) if source.suffix == ".md" else []
        for link in links:
            parts = urlsplit(link)
            assert re.fullmatch(r"([\w-]+\.)+[a-z]{2,}", parts.netloc), (source, link)
            assert parts.scheme == "https", (source, link)
        for doi in re.findall(r"doi(?:\.org/|: ?)(\S+)", text):
            assert re.match(r"10\.\d{4,9}/\S+", doi), (source, doi)
        for paper in re.findall(r"arXiv: ?(\S+)", text):
            assert re.match(r"(\d{4}\.\d{4,5}|[a-z-]+/\d{7})", paper), (source, paper)


NAME = r"[A-Z][^\W\d_]+(?:-[A-Z][^\W\d_]+)?"
CITED = re.compile(
    rf"({NAME})(?:(?:, {NAME})* and (?:Van )?(?:O')?{NAME})? ?(?:\(|, |\[)?((?:19|20)\d\d)[a-z]?[),:\]]"
)
NOT_NAMES = {
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December", "Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    "Within", "Since", "Trades", "Classification", "Gamma", "Exposure", "Theory", "Finance", "Sampling",
    "IV", "SPY",
}  # fmt: skip


def test_every_cited_paper_is_in_the_bibliography():
    entries = (ROOT / "docs/reference/bibliography.md").read_text(encoding="utf-8").split("\n- ")
    lost, cited = set(), set()
    for source in [*(ROOT / "gammaflow").rglob("*.py"), *(ROOT / "docs/theory").glob("*.md")]:
        for name, year in CITED.findall(source.read_text(encoding="utf-8").replace("\n    ", " ")):
            if name in NOT_NAMES:
                continue
            cited.add(f"{name} {year}")
            if not any(name in x and f"({year})" in x for x in entries):
                lost.add(f"{source.relative_to(ROOT)}: {name} {year}")
    assert len(cited) > 30
    assert lost == set()


def commands():
    """Lines that start the command line, in every page and README."""
    for page in TEXTS:
        if page.name != "CHANGELOG.md":
            for line in re.findall(r"^gammaflow +(.*)$", page.read_text(), re.MULTILINE):
                yield from ((page.name, part) for part in re.split(r"(?:&&|\|) gammaflow ", line))


def test_commands_and_their_options_exist():
    typer = pytest.importorskip("typer")
    from gammaflow.app.cli import app

    known = {
        name: {option for param in command.params for option in param.opts}
        for name, command in typer.main.get_command(app).commands.items()
    }
    lines = [line for line in commands() if line[1].split()[0] in known]
    assert len(lines) > 25
    for page, line in lines:
        name, *words = re.split(r" #| \||>", line)[0].split()
        unknown = {word for word in words if word.startswith("--")} - known[name]
        assert not unknown, (page, line)
