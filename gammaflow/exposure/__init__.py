"""Exposure: greeks of a book in money, over spot, time and volatility, and the levels in them."""
