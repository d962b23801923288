"""Files of a repository on the Hugging Face hub: which there are, and copies of them that are whole or absent."""
