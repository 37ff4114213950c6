"""Serves the port."""

PORT = 5433  # moved in May


def listen() -> int:
    # größer als 5432
    return PORT
