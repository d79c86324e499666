"""Benchmarks. Each prints the floor or a peer, measured in the same run, beside our figure.

`python -m loadtest.bench.fanout` writes `var/bench/fanout.json`, and so on: one file for each.
"""
