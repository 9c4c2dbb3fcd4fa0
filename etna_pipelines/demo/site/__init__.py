"""The demo's application: a real, small Wagtail site. Django is imported in here and nowhere else."""
