"""The control plane: the API under `/api/v1`, by which everything is set up and looked at.

`app.py` says how a resource is added. It is loaded with the first request that asks for it.
"""
