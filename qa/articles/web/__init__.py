"""The web: addresses and feeds -> the bytes that are there, and a note of where each came from.

In: addresses that a person names. Out: `Fetched` bytes, links of feeds, and the register of what
was fetched. May import: types, errors. Nothing here runs unless a person asks for an address.
"""
