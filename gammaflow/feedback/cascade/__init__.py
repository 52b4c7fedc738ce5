"""Cascade: the price at which a shock and the hedging that it sets off come to rest."""
