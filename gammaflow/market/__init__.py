"""Market data: chains as vendors quote them, their repair, their quality and their storage."""
