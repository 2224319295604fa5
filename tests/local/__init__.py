"""The local run, with real processes."""
