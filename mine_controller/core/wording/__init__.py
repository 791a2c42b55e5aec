"""Reasons, figures and the mine itself as sentences for people; made where they are read. Pure."""
