"""What `cluster` does, a module for each word."""
