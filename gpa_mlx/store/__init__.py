"""What is on disk: places, whole files, manifests, installed models, downloads."""
