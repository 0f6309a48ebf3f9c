"""Results on disk: every one is kept, and any of them can be drawn again.

A folder of JSON records, one a result, each sealed with its digest: `store.Store`. What a record
looks like is in `shape`, how older ones are read in `upgrades`. An index in SQLite, which is made
again whenever it isn't what the records say, finds them: `index`.
"""
