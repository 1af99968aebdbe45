"""What a training reports: progress while it runs, a page with pictures and sound at the end."""
