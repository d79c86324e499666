"""The suite: real Redis, real sockets, sentences that can fail. Mirrors the packages it tests."""
