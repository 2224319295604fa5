"""The REST API, through which other programs give items, people and mails, and ask what became of them."""
