"""Pricing: numbers in, numbers out, of vanilla, American and barrier options and of notes."""
