"""The engine: transcription and speech synthesis with a loaded model, and the thread that owns MLX."""
