"""What ``scripts/bench.py`` measures, and what it measures it against."""
