"""What two stages of the mail's way need and what needs no I/O: plain Python, time as an argument."""
