"""What an operator does beside the tick: doctor, health, probe, record."""
