"""The app itself: its screens, keys and palette put together."""
