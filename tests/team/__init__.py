"""A day of a team, from the first command to the last account."""
