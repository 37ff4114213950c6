"""Numbered migrations of the database; once released, a file here is never edited."""
