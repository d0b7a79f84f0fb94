"""Google's own API, as it is served by AI Studio (`gemini`) and by Google Cloud (`vertex`)."""
