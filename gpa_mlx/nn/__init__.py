"""Networks: MLX only, no files, no logging. Sequences are (B, T, D), convolution weights (out, kernel, in)."""
