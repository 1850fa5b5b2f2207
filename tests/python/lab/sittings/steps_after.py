"""The same once more, as the experiment that comes next."""

from parapack.lab.experiments.steps import Steps


class StepsAfter(Steps):
    name = "steps_after"


EXPERIMENT = StepsAfter()
