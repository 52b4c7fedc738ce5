"""Structured notes: products, their terms, and the cash greeks of their rows."""
