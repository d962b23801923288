"""A converted model: its parts, vocabulary and prompts."""
