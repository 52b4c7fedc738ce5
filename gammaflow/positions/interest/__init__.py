"""Open interest as evidence: what was opened, closed and rolled, and its estimate for the day it lags."""
