"""Load: crowds of clients and benchmarks. Nothing in the engine imports this package."""
