"""How mail leaves: claim, build, send, record."""
