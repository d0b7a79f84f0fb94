"""Finding out what a server is and what it can do, by asking it. Pure data comes out: no secrets.

What is said here is for people at a terminal and in the console alike.
"""
