"""Images, labels and the one preprocessing."""
