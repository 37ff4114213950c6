"""Indexes: derived from the store, safe to delete, rebuilt when they do not match it."""
