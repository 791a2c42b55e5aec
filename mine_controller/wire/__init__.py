"""Protocols without meaning: bytes out, bytes in, one deadline."""
