"""What is claimed about speed and memory, measured: `uv run python -m benchmarks`."""
