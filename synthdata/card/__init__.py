"""What a data set tells of itself: its counts, README.md and croissant.json."""
