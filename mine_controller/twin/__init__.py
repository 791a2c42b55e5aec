"""The twin: a seeded model of a site behind the real protocols, driven by a story."""
