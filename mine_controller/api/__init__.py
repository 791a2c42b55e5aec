"""The optional local HTTP service. It reads what ticks left, and files requests; it opens no connection to a device."""
