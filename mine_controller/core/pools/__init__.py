"""Pools, and what miners do on them: who works where, which is down, blocks and best shares. Pure."""
