"""Positions: rules that sign open interest, books of notes, and the book that holds them."""
