"""The reader and the writer of mails, row by row of what was found in real ones."""
