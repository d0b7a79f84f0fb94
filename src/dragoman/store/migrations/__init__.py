"""How each version of the tables follows from the one before, as alembic's migrations.

Laws: forward only; each is one transaction; SQL alone, so that SQLite's can be generated
(`scripts/generate_schema.py`) and the command line never loads what wrote it; one that was released
is never edited. A revision's name is its number, which in a SQLite file is `user_version`.
"""
