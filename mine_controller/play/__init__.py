"""Whole ticks on other ports: demo, drill, audit, and later replay and backtest."""
