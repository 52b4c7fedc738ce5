"""Naive references, samples and made-up books that several tests share."""
