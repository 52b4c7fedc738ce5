"""Pricing of vanilla, American and barrier options and of structured notes: numbers in, numbers out."""
