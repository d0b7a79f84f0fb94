"""Files that people write, as data in which every key has its place."""
