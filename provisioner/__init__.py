"""The server that desk phones boot from."""

__version__ = "0.1.0"
