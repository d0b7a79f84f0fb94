"""Who asks, from where, for whom, and what they see of the configuration."""
