"""How fast the service is, and how fast others are on the same machine at the same time: `make bench`."""
