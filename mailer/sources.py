"""For other apps: `@digest_source` registers a function that gives digests their items (docs/sources.md)."""

from mailer.audience.sources import Item, Source, digest_source

__all__ = ["Item", "Source", "digest_source"]
