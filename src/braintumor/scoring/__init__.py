"""Many images at once, in bounded memory, on one machine or many; and the stress test."""
