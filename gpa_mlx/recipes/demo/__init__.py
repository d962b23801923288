"""The demo model's data: twenty words spoken by free speech synthesisers, with exact word and phone times."""
