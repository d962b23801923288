"""Use cases: each is planned once, runs as a stream of events, and knows nothing of the command line or the app."""
