"""What doctor looks at, one file a matter; each gives its lines with their remedies."""
