"""Repair of chains: forwards, implied vols and flags from their own quotes."""

from gammaflow.market.repair.repair import RepairedChain, repair_chain

__all__ = ["RepairedChain", "repair_chain"]


def __dir__() -> list[str]:
    return __all__
