"""The doors: how one comes in, and what stands open to all."""
