"""The language model at work: cache, sampling, token stream."""
