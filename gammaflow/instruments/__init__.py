"""Instruments: one module per kind of book row."""
