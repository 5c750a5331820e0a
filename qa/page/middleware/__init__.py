"""Middleware: what stands between the network and the page.

In: requests. Out: those that may pass, and no more kept of them than is needed.
May import: errors.
"""
