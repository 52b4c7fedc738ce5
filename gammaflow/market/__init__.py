"""Market: chains as vendors quote them, their repair, their quality, and where they are kept."""
