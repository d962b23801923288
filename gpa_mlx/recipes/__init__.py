"""Recipes that train complete models from scratch; the library does not depend on them."""
