"""What is known of single miners beyond their readings, and what each is told beside run and stop. Pure."""
