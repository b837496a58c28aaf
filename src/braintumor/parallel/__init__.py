"""One map over work items: in this process, in processes of its own, or on a Ray cluster."""
