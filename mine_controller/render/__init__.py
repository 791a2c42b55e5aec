"""The page and its files, out of a book."""
