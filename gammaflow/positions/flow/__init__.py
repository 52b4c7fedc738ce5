"""Dealers' inventory from evidence of trades: classified tapes and open/close files."""
