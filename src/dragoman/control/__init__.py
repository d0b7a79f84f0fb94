"""The control plane: the API under `/api/v1`, by which everything is set up and looked at."""
