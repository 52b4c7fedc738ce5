"""`gammaflow serve`: the report's page on this machine, live from a feed or over a store."""
