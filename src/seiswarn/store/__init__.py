"""What is kept: the journals of input and output, and the database of events and deliveries."""
