"""The documents: docs/reference.md made from the code, and every command and example in the others tried."""
