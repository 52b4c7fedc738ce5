"""Studies: one question, one table and one picture each."""
