"""Long-form speech on top of an engine: passages and segments, failure detection, retries, trimming, checkpoints."""
