"""Presets: conventions as public descriptions and published code state them, not checked with vendors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from gammaflow.errors import SchemaError
from gammaflow.studies.conventions.convention import Convention

__all__ = ["PRESETS", "TOOLS", "find_convention"]

_MADE: Mapping[str, tuple[Convention, str]] = {
    "exact": (Convention(), "gammaflow: exact times, the chain's own vols and rates"),
    "repaired": (
        Convention(iv="repaired", rates="parity"),
        "gammaflow after repair_chain: parity forwards, both legs of a strike at one vol",
    ),
    "vendor_gamma_262": (
        Convention(iv="vendor_gamma", day_count="business_262", rates="spot"),
        "Perfiliev's script and its copies: CBOE's gamma at spot; flip from CBOE's vols, r = q = 0, weekdays "
        "over 262",
    ),
    "vendor_gamma_252": (
        Convention(iv="vendor_gamma", day_count="business_252", rates="spot"),
        "gflows: CBOE's gamma at spot; flip from CBOE's vols, weekdays over 252. It takes the 10-year "
        "Treasury yield as r (rates=0.04, say; here 0), and the lowest flip where there are several",
    ),
    "per_point": (
        Convention(unit="per_point"),
        'SqueezeMetrics, "Gamma Exposure" (2017)',
    ),
    "per_100pct": (
        Convention(unit="per_100pct"),
        "AlphaGEX, gammababa and gamma-wall: S^2 without the 0.01",
    ),
    "shares": (Convention(unit="shares"), "stocknear: shares per +1 %"),
    "shares_per_point_whole_days": (
        Convention(unit="shares_per_point", day_count="whole_days", rates="spot"),
        "ezoptions on Yahoo chains: gamma x open interest x 100 without spot, whole days, r = q = 0. It "
        "takes a quarter of a day (here one) for contracts of the same date",
    ),
    "midnight": (
        Convention(day_count="midnight", flip="cumulative"),
        "ibit-gex: expiries at midnight UTC, flip across strikes. It also floors times at half a day",
    ),
    "strike_space_flip": (
        Convention(flip="cumulative"),
        "AlphaGEX, mmflow and FlashAlpha's sample: zero of cumulative gamma across strikes",
    ),
    "net_walls": (
        Convention(wall="net"),
        "FlashAlpha and gexlog; SpotGamma's for indices, as publicly described: walls by net gamma",
    ),
    "open_interest_walls": (
        Convention(wall="open interest"),
        'walls by open interest that are called "gamma walls" (ict-engine #288)',
    ),
    "short_all": (
        Convention(rule="short_all"),
        "SpotGamma's for single stocks, as publicly described: dealers short calls and puts",
    ),
    "mirror": (Convention(rule="mirror"), "floe, and several SPX scripts: calls minus, puts plus"),
    "unsigned": (Convention(rule="unsigned"), "GerardWu, OpenBB: open interest without a dealer sign"),
}

#: Conventions seen in use, by name; `source` of each says where.
PRESETS: Mapping[str, Convention] = MappingProxyType(
    {name: replace(made, name=name, source=source) for name, (made, source) in _MADE.items()}
)

#: Preset that comes nearest to each tool, by the tool's name.
TOOLS: Mapping[str, str] = MappingProxyType(
    {
        "gammaflow": "exact",
        "perfiliev": "vendor_gamma_262",
        "gflows": "vendor_gamma_252",
        "squeezemetrics": "per_point",
        "gammababa": "per_100pct",
        "gamma-wall": "per_100pct",
        "stocknear": "shares",
        "ezoptions": "shares_per_point_whole_days",
        "ibit-gex": "midnight",
        "mmflow": "strike_space_flip",
        "gexlog": "net_walls",
        "spotgamma": "net_walls",
        "spotgamma equities": "short_all",
        "floe": "mirror",
        "gerardwu": "unsigned",
    }
)


def find_convention(convention: str | Convention) -> Convention:
    """A convention by the name of a preset or of a tool, or the convention itself.

    Raises
    ------
    SchemaError
        For an unknown name, with all names that are known.

    See Also
    --------
    measure : Gamma, flip and walls that a tool with one convention shows for a chain.
    reconcile : The choices that explain the gap between two tools' gamma numbers for one chain.

    Examples
    --------
    >>> find_convention("Perfiliev").day_count
    'business_262'
    """
    if isinstance(convention, Convention):
        return convention
    if isinstance(convention, str):
        name = TOOLS.get(convention.lower(), convention)
        if name in PRESETS:
            return PRESETS[name]
    raise SchemaError(
        f"convention: received {convention!r}; legal: a Convention, a preset ({', '.join(PRESETS)}) or a "
        f"tool ({', '.join(TOOLS)})."
    )
