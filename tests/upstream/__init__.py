"""Servers for tests to talk to, on loopback: scripted ones here, real ones beside them.

`fault` serves scripts (what every test reaches for first), `proxy` is a forward proxy, `tls` the
certificates for both; `llama` and `aimock` are servers that this project did not write.
"""
