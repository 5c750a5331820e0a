"""Web: addresses and feeds -> the bytes there, and a record of where each file came from.

In: addresses that a user names. Out: `Fetched` bytes, links of feeds, and the register of what
was fetched. May import: types, errors. No address is requested unless the user names it.
"""
