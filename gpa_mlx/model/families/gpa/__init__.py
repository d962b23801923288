"""GPA: one Qwen3 decoder over text, GLM-4-voice codes and BiCodec codes (upstream v1.0)."""
