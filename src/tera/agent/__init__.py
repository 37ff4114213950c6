"""The background agent: a warm process that owns the store, and the client that speaks to it."""
