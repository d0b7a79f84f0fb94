"""What was used, kept so that nothing is lost; and what may be used, so that nobody exceeds it."""
