"""What the next demo model hears and says: its words, and the phrases that people make of them."""
