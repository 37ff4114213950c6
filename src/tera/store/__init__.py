"""The store: the truth on disk. `journal` is written first, `surreal` is its queryable state."""
