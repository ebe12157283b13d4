"""Messages to the outside: formats make bytes of them, sinks carry the bytes away."""
