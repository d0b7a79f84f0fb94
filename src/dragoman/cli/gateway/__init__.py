"""The gateway from the command line: run, pointed at, and set up."""
