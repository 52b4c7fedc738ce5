"""Price impact of dealer hedging: loop gain, cascades and simulation, given the impact of a trade."""
