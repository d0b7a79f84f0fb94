"""The configuration: shown, checked, edited, proposed."""
