"""Wrong nouns in every place of every public function: one sentence, never another library's exception."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import gammaflow as gf

# Results that only the library makes, and functions that ask a network.
MADE = {"american.Greeks", "bsm.Greeks", "fetch_chain", "fetch_raw"}
# Functions that go to work on nearly anything that they are given: tried elsewhere, with fewer arguments.
SLOW = {
    "analyze",
    "cascade_curve",
    "compare_dynamics",
    "compare_rules",
    "flip_path",
    "flow_around_spot",
    "impact.Impact",
    "limit_capacity",
    "note_maps.knock_in_sales",
    "reconcile",
    "repair_chain",
    "sensitivity",
}


def _functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every function and class of the public names and of the public names of public modules."""
    for name in gf.__all__:
        thing = getattr(gf, name)
        if not isinstance(thing, types.ModuleType):
            yield name, thing
            continue
        for inner in getattr(thing, "__all__", ()):
            yield f"{name}.{inner}", getattr(thing, inner)


# Each once: some have a name of their own besides that in a module.
FUNCTIONS = {
    name: function
    for name, function in {id(function): (name, function) for name, function in _functions()}.values()
    if callable(function)
    and name not in MADE
    and not (inspect.isclass(function) and issubclass(function, Exception))
}


@pytest.fixture(scope="module")
def nouns() -> dict[str, Any]:
    chain = gf.demo_chain()
    near = (chain["strike"] > 0.97 * chain.spot) & (chain["strike"] < 1.03 * chain.spot)
    chain = chain.select(near & (chain["expiry"] == chain["expiry"].max()))
    book = gf.assign_positions(chain)
    profile = gf.sweep_spot(book)
    return {
        "Chain": chain,
        "Book": book,
        "Profile": profile,
        "Exposure": gf.aggregate_exposure(book),
        "Levels": gf.find_levels(profile),
        "Report": gf.analyze(chain),
        "None": None,
        "str": "GEX",
        "DataFrame": chain.to_frame(),
    }


def _calls(
    function: Callable[..., Any], nouns: dict[str, Any]
) -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    """Each noun in each place; in the other places that must be filled, a book (else nothing)."""
    places = [
        place
        for place in inspect.signature(function).parameters.values()
        if place.kind not in (place.VAR_POSITIONAL, place.VAR_KEYWORD)
    ]
    for place in places:
        if place.default is not place.empty and place.kind is place.POSITIONAL_ONLY:
            continue
        for noun, value in nouns.items():
            args: list[Any] = []
            named: dict[str, Any] = {}
            for other in places:
                if other is not place and other.default is not other.empty:
                    continue
                given = value if other is place else nouns["Book"]
                if other.kind is other.KEYWORD_ONLY or other.default is not other.empty:
                    named[other.name] = given
                else:
                    args.append(given)
            yield f"{place.name}={noun}", args, named


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - SLOW))
def test_every_place_of_every_function(
    name: str, nouns: dict[str, Any], tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)  # a function that takes a path for granted writes nowhere else
    escaped = {}
    for label, args, named in _calls(FUNCTIONS[name], nouns):
        try:
            FUNCTIONS[name](*args, **named)
        except gf.GammaflowError:
            continue
        except Exception as error:
            escaped[label] = f"{type(error).__name__}: {error}"[:160]
    assert not escaped


@pytest.mark.parametrize("name", sorted(SLOW))
def test_the_first_places_of_the_slow_ones(name: str, nouns: dict[str, Any]) -> None:
    places = inspect.signature(FUNCTIONS[name]).parameters.values()
    needed = [place for place in places if place.default is place.empty] or [*places][:1]
    for noun in (None, "GEX", nouns["DataFrame"], nouns["Exposure"], nouns["Levels"]):
        args = [noun for place in needed if place.kind is not place.KEYWORD_ONLY]
        named = {place.name: noun for place in needed if place.kind is place.KEYWORD_ONLY}
        if name == "note_maps.knock_in_sales":
            args, named = [], {"sigma": noun}
        with pytest.raises(gf.GammaflowError):
            FUNCTIONS[name](*args, **named)


# Methods through which rooms of the package ask each other, with what they have checked.
SEAMS = {"choose", "group_sums", "keep", "keep_expiries", "mask", "rows"}


@pytest.fixture(scope="module")
def results(nouns: dict[str, Any], tmp_path_factory: Any) -> dict[str, Any]:
    chain, book = nouns["Chain"], nouns["Book"]
    return {
        **{name: nouns[name] for name in ("Chain", "Book", "Profile", "Exposure", "Report")},
        "Bands": gf.sign_bands(chain),
        "Cube": gf.sweep(book),
        "HedgeFlow": gf.hedge_flow(book, spot=0.95 * chain.spot),
        "RepairedChain": gf.repair_chain(chain),
        "Smiles": gf.fit_smiles(book),
        "Store": gf.Store(tmp_path_factory.mktemp("store")),
    }


def _methods(result: Any) -> Iterator[str]:
    for name in dir(type(result)):
        if not name.startswith("_") and name not in SEAMS:
            method = inspect.getattr_static(type(result), name)
            if inspect.isfunction(method) and inspect.signature(method).parameters:
                yield name


@pytest.mark.parametrize(
    "kind",
    [
        "Bands", "Book", "Chain", "Cube", "Exposure", "HedgeFlow", "Profile",
        "RepairedChain", "Report", "Smiles", "Store",
    ],
)  # fmt: skip
def test_every_place_of_every_method(
    kind: str, nouns: dict[str, Any], results: dict[str, Any], tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = {name: nouns[name] for name in ("Book", "None", "str", "DataFrame")}
    wrong |= {"list": [[1], {}], "number": float("nan"), "object": object()}
    asked, escaped = 0, {}
    for name in _methods(results[kind]):
        method = getattr(results[kind], name)
        for label, args, named in _calls(method, {**wrong, "Book": nouns["Book"]}):
            asked += 1
            try:
                method(*args, **named)
            except gf.GammaflowError:
                continue
            except Exception as error:
                escaped[f"{name}({label})"] = f"{type(error).__name__}: {error}"[:160]
            finally:
                if "matplotlib.pyplot" in sys.modules:
                    sys.modules["matplotlib.pyplot"].close("all")
    assert asked >= 7
    assert not escaped
