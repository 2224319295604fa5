"""Real processes, killed: `make test-crash`. What it proves is in docs/reliability.md."""
