"""A package, because installed data sets bring a `tests` of their own."""
