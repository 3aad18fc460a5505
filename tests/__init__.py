"""The suite mirrors the code: one file per page, job or module."""
