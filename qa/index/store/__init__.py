"""Articles, passages and vectors <-> one SQLite file: the single truth from which all else in an
index is derived.

A build is one transaction, and its commit publishes it. A reader holds a read transaction, so it
goes on seeing the generation it opened while a writer works (write-ahead log). Vectors are keyed by
a hash of what was encoded: they are written before the build that needs them, in batches, so that
an interrupted build does not encode twice.

Every row has a checksum over its columns, looked at whenever the row is read; every table has one
over its rows, so that none can be lost unseen.
"""

from qa.index.store.failures import explain_failure, report_damage
from qa.index.store.salvage import replace_store, salvage_rows
from qa.index.store.snapshot import Store, find_store
from qa.index.store.tables import FORMAT, STORE_FILE, StoreError, from_half
from qa.index.store.trust import distrust, is_trusted, trust
from qa.index.store.writer import StoreWriter

__all__ = [
    "FORMAT",
    "STORE_FILE",
    "Store",
    "StoreError",
    "StoreWriter",
    "distrust",
    "explain_failure",
    "find_store",
    "from_half",
    "is_trusted",
    "replace_store",
    "report_damage",
    "salvage_rows",
    "trust",
]
