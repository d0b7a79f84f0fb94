"""What answers at each path of the data plane."""
