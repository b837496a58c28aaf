"""The sections of the pages: a module and a template each, listed by `report`, `compare_report`."""
