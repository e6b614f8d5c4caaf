"""Minds that fill seats: rules with words, and language models."""
