"""A run from end to end with a real Postfix as relay: what arrives, what is refused and what comes back adds up."""
