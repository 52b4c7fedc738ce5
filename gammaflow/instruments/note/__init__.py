"""Structured notes: products on file, their terms, and the cash greeks of their rows."""
