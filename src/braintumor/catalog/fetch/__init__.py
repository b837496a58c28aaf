"""Known public data sets, fetched when asked for, verified, and laid out as class folders."""
