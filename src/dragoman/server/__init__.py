"""The gateway: one address in front of every provider, in three languages."""
