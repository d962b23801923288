"""The mode Settings."""
