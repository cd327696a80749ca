"""The steps of the ImageBuilder, called by the Makefile."""
