"""Graph v1.0, for what mail needs: folders, messages, attachments, deltas, subscriptions, message trace."""
