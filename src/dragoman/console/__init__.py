"""The web console as it is shipped: what `console/` was built into, and nothing else."""
