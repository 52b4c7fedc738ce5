"""Feedback: what dealers' hedging does to price, given the price impact of a trade."""
