"""OpenAI's Responses API, for text and calls of functions. Nothing is kept between two responses."""
