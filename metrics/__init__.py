"""What the engine tells its operators: every instrument, and how it is exposed.

This package imports nothing else of this project. Names, labels and help texts live in
`metrics.catalog`; how they reach a scraper lives in `metrics.exposition`.
"""
