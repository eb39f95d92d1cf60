"""A progress bar on standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, Task
    from rich.text import Text


def make_bar(unit: str, total: int | None = None) -> Progress:
    """Make a bar with the number done, the speed and the time left; it disappears when it stops.

    Start it on a terminal only: elsewhere rich before 14.3 prints an empty line, even with ``disable=True``.

    Args:
        unit: What is counted, such as ``"photos"``.
        total: How many there are, if that is known.
    """
    # Here, since importing rich draws random numbers.
    from rich import progress, text
    from rich.console import Console

    class Speed(progress.ProgressColumn):
        def render(self, task: Task) -> Text:
            return text.Text(f"{task.speed:.1f} {unit}/s" if task.speed else "")

    columns = (progress.BarColumn(), progress.MofNCompleteColumn(), Speed(), progress.TimeRemainingColumn())
    bar = progress.Progress(*columns, console=Console(stderr=True), transient=True, speed_estimate_period=20)
    bar.add_task(unit, total=total)
    return bar
