"""The admin as a whole: its frame, the people who work in it, the audit. What it shows of each app is in that app."""
