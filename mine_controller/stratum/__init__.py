"""The local holding pool: a process of its own that keeps miners connected while the internet is gone."""
