"""Worlds: answers to what AWS's documents leave open."""

import itertools


class World(dict):
    """An answer for every doubt. Doubts that nobody has answered yet are noted, and answered with the first choice."""

    def __call__(self, doubt, choices=(False, True)):
        if doubt not in self:
            self[doubt] = choices[0]
            self.open[doubt] = choices
        return self[doubt]


def worlds(run, most=9):
    """Yields run(world) for every world, or None if the doubts are too many."""
    known = {}
    while True:
        grown = False
        results = []
        for answers in itertools.product(*known.values()):
            world = World(zip(known, answers))
            world.open = {}
            results.append(run(world))
            if world.open:
                known.update(world.open)
                grown = True
                break
        if len(known) > most:
            return None
        if not grown:
            return results
