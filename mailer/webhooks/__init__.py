"""What other programs are told: events on their way to the endpoints that asked for them."""
