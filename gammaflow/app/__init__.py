"""User interfaces: the command line, the watch of a live feed, the terminal."""
