"""Fine-tuning of a converted model's language model."""
