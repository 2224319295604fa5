"""Who gets mail: imports, subscriptions, signed links."""
