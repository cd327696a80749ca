"""Feeds to read, and the pages of webhooks."""
