"""Upstream GPA weights to the gpa-mlx layout."""
