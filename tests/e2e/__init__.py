"""Stories in a real browser against the running service: `make test-e2e`."""
