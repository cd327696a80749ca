"""The shape of API errors."""
