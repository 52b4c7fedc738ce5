"""Live feeds: a vendor's response in, one `Chain` out; the raw response can be kept."""

from gammaflow.market.feeds.answer import Answer, Limits
from gammaflow.market.feeds.feed import VENDORS, Answers, Feed, fetch_chain, replay
from gammaflow.market.feeds.transport import fetch_raw

__all__ = ["VENDORS", "Answer", "Answers", "Feed", "Limits", "fetch_chain", "fetch_raw", "replay"]


def __dir__() -> list[str]:
    return __all__
