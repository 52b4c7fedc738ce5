"""American options: the early-exercise correction of a book's rows."""
