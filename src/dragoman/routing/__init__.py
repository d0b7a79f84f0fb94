"""Decisions, pure: the plan of attempts, what is remembered of deployments, limits."""
