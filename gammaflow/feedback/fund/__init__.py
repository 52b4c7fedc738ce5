"""A fund's shares: creations and redemptions in whole baskets, and the dealer's ledger."""
