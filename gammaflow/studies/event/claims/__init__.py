"""The claims of the story, by subject, in the order of the page."""

from __future__ import annotations

from gammaflow.studies.event.claims import (
    activity,
    correlations,
    flows,
    futures,
    holders,
    leverage,
    notes,
    options,
    prices,
)

__all__ = ["CLAIMS"]

#: One function per claim: records in, a `Claim` out.
CLAIMS = (
    *prices.CLAIMS, *activity.CLAIMS, *correlations.CLAIMS, *flows.CLAIMS, *futures.CLAIMS, *leverage.CLAIMS,
    *options.CLAIMS, *notes.CLAIMS, *holders.CLAIMS,
)  # fmt: skip
