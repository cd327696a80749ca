"""As on all pages here: a day that reads the same everywhere, and a time that says its zone."""

DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i T"
DATETIME_FORMAT = "Y-m-d H:i T"
