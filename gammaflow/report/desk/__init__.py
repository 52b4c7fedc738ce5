"""The desk page as plain numbers, text, lists and dicts: what it shows, and nothing of how."""
