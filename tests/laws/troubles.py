"""What every machine of the laws counts: troubles of its story, and of all stories what was seen."""

from collections import Counter

from hypothesis import event
from hypothesis.stateful import RuleBasedStateMachine

SEEN: Counter[str] = Counter()


class Troubled(RuleBasedStateMachine):
    """A stage to which troubles come."""

    def meet(self, what, *texts):
        self.troubles[what] += 1
        SEEN[what] += 1
        event(what)
        for text in texts:
            self.stage.do(text)
        if sum(self.troubles.values()) % 3:  # every third comes together with the next
            self.stage.tick()
