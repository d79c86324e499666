"""The two pages in a real browser. Left out where the machine has none."""
