"""Recipe of the demo model: a GPA of twenty words, trained from scratch on synthesised speech."""
