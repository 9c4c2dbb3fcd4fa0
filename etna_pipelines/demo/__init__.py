"""A production to play with: the database of a real Wagtail site, full of invented people."""
