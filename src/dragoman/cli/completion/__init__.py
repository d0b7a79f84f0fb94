"""What may stand where the cursor is."""
