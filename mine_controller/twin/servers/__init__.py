"""One file a device kind: the real replies, made from the world. They format, drivers parse."""
