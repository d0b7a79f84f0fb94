"""A prompt: what is sent, to whom, and how the answer is shown."""
