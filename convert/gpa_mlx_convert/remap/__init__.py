"""Each upstream part as a table of target tensors and how they are built from source tensors."""
