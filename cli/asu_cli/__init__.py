"""`asu`, a client of servers that build firmware on demand."""

__version__ = "0.1.0"
