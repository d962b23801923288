"""The mode Voice."""
