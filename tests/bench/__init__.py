"""Benchmarks: each row is measured beside its baseline in the same run, and printed as a ratio."""
