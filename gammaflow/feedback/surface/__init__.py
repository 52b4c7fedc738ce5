"""Dealers' delta over time, spot and volatility, and the barriers that change it."""
