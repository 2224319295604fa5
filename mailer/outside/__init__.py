"""What lies outside: other people's web servers, at addresses that somebody typed."""
