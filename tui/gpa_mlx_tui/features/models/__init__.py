"""The mode Models."""
