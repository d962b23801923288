"""Voice activity detection and segmentation."""
