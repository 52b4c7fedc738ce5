"""Monte Carlo of price with hedging, liquidations, deleveraging and other flows."""
