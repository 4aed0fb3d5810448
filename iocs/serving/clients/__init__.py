"""One client: its connection, requests, puts and subscriptions, and what is posted to it."""
