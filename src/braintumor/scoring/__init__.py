"""Many images at once: the stress test under scanner conditions. Knows no Keras and no HTTP."""
