"""Text without audio: normalization, segmentation, inverse normalization, custom vocabulary, error rates."""
