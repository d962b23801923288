"""What MLX, threads and the machine need: set-up, memory limits, cancellation, the clipboard."""
