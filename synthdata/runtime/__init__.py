"""What each process owns."""
