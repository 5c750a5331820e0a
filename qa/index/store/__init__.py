"""Store: articles, passages and vectors <-> one SQLite file, from which all else is derived.

In: articles, passages and vectors of a build. Out: `Store`, which reads one generation, and
`StoreWriter`. May import: the index's keys and interface, encoder, places, types, errors.

A build is one transaction, and its commit publishes it. A reader holds a read transaction, so it
continues to see the generation that it opened while a writer works (write-ahead log). Vectors are
keyed by a hash of what was encoded, and written in batches before the build that needs them is
published, so an interrupted build does not encode twice.

Every row has a checksum over its columns, verified whenever the row is read; every table has one
over its rows, so that a lost row is noticed.
"""

from qa.index.store.failures import explain_failure, report_damage
from qa.index.store.salvage import replace_store, salvage_rows
from qa.index.store.snapshot import COPIES, FOLDED, Store, find_store
from qa.index.store.tables import FORMAT, STORE_FILE, StoreError, from_half, to_half
from qa.index.store.trust import distrust, is_trusted, trust
from qa.index.store.writer import StoreWriter

__all__ = [
    "COPIES",
    "FOLDED",
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
    "to_half",
    "trust",
]
