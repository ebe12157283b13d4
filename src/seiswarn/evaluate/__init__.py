"""How good it is: recorded sets replayed and compared with their catalogues.

Reading order is the way of a set: `sets` finds it, `replaying` runs it (in a process of `workers`,
kept by `keep`), `matching` says which alert was of which earthquake, `metrics` and `lead` make
figures of that, `overall` of all sets together; `table` and `page` show them. `command` is the whole.
"""
