"""Making a study: run, look, and run on, until the rule that was declared says enough."""

from collections.abc import Callable, Sequence

from hubbub.study.analysis import Effects, analyse
from hubbub.study.design import units_at
from hubbub.study.folder import StudyFolder
from hubbub.study.plan import Plan, Run
from hubbub.study.table import Seen, look

#: Makes the first runs, of which the second are made already.
Sit = Callable[[Sequence[Run], Sequence[Run]], None]


def make(plan: Plan, folder: StudyFolder, sit: Sit) -> Effects:
    """
    Have *sit* make the runs of *plan*, write what they come to, and return it.

    Every decision depends on finished runs alone, so that a study that was interrupted
    makes the same ones again.  Raises as *sit* does, and as outcomes do.
    """
    stop, seen = plan.study.stop, dict[str, Seen]()
    units = units_at(stop, 0) if stop else plan.study.most
    while True:
        runs = plan.runs(units)
        sit(runs, [run for run in runs if folder.state(run) == "complete"])
        for run in runs:
            if run.name not in seen:
                seen[run.name] = look(plan, run, folder.run(run))
        effects = analyse(plan, list(seen.values()), units)
        if stop is None or effects.stopped:
            folder.save(plan, list(seen.values()), effects)
            return effects
        units = units_at(stop, units)
