"""What the mail says: sandbox, sync, compile, compose, merge."""
