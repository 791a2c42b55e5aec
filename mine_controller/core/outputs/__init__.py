"""Outputs that move no load: lamp, local pool's door, the wall's pump. Pure."""
