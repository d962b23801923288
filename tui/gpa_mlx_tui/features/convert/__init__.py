"""The mode Convert."""
