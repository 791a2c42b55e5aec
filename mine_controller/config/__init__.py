"""config.txt and fleet.csv become a typed, frozen Config; every problem is told at once."""
