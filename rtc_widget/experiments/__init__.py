"""Variants, and what they make of the same input: asked again, compared, listened to."""
