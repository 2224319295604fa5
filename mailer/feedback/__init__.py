"""What comes back: reports on mails, and people who leave."""
