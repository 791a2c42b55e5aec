"""What everything is made of: NamedTuples with JSON-native leaves (int, rounded float, str, None)."""
