"""Rates and dividends by date: the rate and the yield that they are worth to each expiry."""
