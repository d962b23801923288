"""The mode Files."""
