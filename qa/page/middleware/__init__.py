"""Middleware: requests from the network -> the page, or a refusal.

In: ASGI requests and events of Gradio's queue. Out: those that may pass, with security headers;
what is kept of past calls is removed. May import: errors.
"""
