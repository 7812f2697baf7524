"""What may happen to use_for_utilization: (table, id) -> boolean, before and after an operation."""


class Unchanged:
    """A new one changes nobody's choice."""

    def __init__(self, table):
        self.table = table

    def __call__(self, before, now):
        for key, chosen in before.items():
            assert now.get(key) == chosen, f"{key} changed its use_for_utilization to {now.get(key)}, because of a new one"


class Near:
    """Only the neighbours, and theirs, may change."""

    def __init__(self, table, overlapping, id_, near=None, only_here=False):
        self.table = table
        self.only_here = only_here  # what happens in the other table does not matter
        self.near = {id_} | (overlapping(id_) if near is None else near)
        self.near |= {n for i in self.near - {id_} for n in overlapping(i)}

    def __call__(self, before, now):
        for key, chosen in before.items():
            if key in now and (not self.only_here if key[0] != self.table else key[1] not in self.near):
                assert now[key] == chosen, f"{key} changed its use_for_utilization to {now[key]}, and is not near"


class Chosen(Near):
    def __init__(self, table, overlapping, id_):
        super().__init__(table, overlapping, id_)
        self.id = id_

    def __call__(self, before, now):
        assert now[self.table, self.id], "it has not been chosen"
        super().__call__(before, now)
