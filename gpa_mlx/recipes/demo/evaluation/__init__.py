"""How good a demo model is, and the card that says so."""
