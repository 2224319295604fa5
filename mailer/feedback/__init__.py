"""What comes back: people who leave."""
