"""A small distribution of our own: a mirror, packages and an ImageBuilder to try everything with, offline."""
