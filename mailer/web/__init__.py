"""Pages for recipients, and what all pages share."""
