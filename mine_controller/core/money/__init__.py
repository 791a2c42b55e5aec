"""Prices, bands, windows of the week, and what was spent. Pure."""
