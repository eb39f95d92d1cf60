"""The stages a frame goes through, each a generator on a thread of its own: while one waits, others work."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, Protocol, Self, TypeVar

import torch
from torch import Tensor

from colorful.crew import deep
from colorful.hints import Hint, rasterize
from colorful.host import unaffected
from colorful.lab import annealed_mean
from colorful.lab.steady import Trail, follow, go_over, join
from colorful.look import chroma_factor
from colorful.parallel import Cores
from colorful.video.motion import Motion, Tracker

if TYPE_CHECKING:
    from colorful.colorizer import Colorizer

T = TypeVar("T")
Source = TypeVar("Source")

BATCH = 8
"""Frames that go through the network together: in bfloat16 that halves the time of each."""

ROOM = 2
"""Frames that wait between two stages. Each holds the film's luma in full, so more would cost memory."""

Wait = Literal["short", "long"]
"""How long frames wait for those after them."""

WINDOWS: dict[Wait, int] = {"short": 4, "long": 16}
"""Frames that are settled at a time. The pass backward starts as many frames after them.

The short one is half a batch: the frames after are mostly there already, since the network took them too.
"""

_SHORTEST_PART, _LONGEST_PART = 100, 500
"""A part of the result ends with a shot once it has the former number of frames, else after the latter."""

_SURE = 100.0
"""Variance of the likely colors, in squared units of ab, at which a frame counts half: a step of the bins."""

_CADENCE = 25
"""Frames a second for which :func:`colorful.lab.steady.follow` is given its memory as it stands."""


class Ahead(Protocol):
    """A way to run an iterator ahead of whoever takes its items."""

    def __call__(self, items: Iterable[T], /, *, room: int) -> Iterator[T]:
        """Give the items of *items*, *room* of them ahead."""


@dataclass(slots=True)
class Scene(Generic[Source]):
    """A frame on its way through the stages, and what they have found so far.

    Attributes:
        source: The frame.
        number: From 0.
        seconds: Time since the frame before.
        light: L as the network sees it, upright, ``(1, 1, H, W)``.
        motion: From the frame before; None for the first, and where colors need not be steady.
        ab: Colors at the network's size, ``(2, h, w)``, upright: those of the frame alone, then steady ones.
        sure: How sure the network is of them, as :func:`colorful.lab.steady.follow` takes it.
        starts_part: Whether a part of the result begins here.
        trail: What came before, for a run that is to start here; None at the start of a shot.
    """

    source: Source
    number: int
    seconds: float
    light: Tensor
    motion: Motion | None = None
    ab: Tensor = field(default_factory=lambda: torch.empty(0))
    sure: Tensor | float = 1.0
    starts_part: bool = False
    trail: Trail | None = None


def track(scenes: Iterable[Scene[Source]], stride: int) -> Iterator[Scene[Source]]:
    """Find the motion from frame to frame."""
    tracker, before = Tracker(stride), None
    for scene in scenes:
        if before is not None:
            scene.motion = tracker.compare(before, scene.light)
        before = scene.light
        yield scene


def ask(
    scenes: Iterable[Scene[Source]],
    colorizer: Colorizer,
    size: tuple[int, int],
    hints: Mapping[int, Sequence[Hint]],
) -> Iterator[Scene[Source]]:
    """Run the network on several frames at a time, and decode what it says.

    Which ones are together depends on their numbers alone: so a run that goes on where another was stopped
    gets the same colors, to the last bit.

    Args:
        scenes: In the order of their numbers.
        colorizer: The model.
        size: Height and width of an upright frame, on which hints are placed.
        hints: Those of each frame, by its number.
    """
    batch: list[Scene[Source]] = []
    for scene in scenes:
        batch.append(scene)
        if (scene.number + 1) % BATCH == 0:
            yield from _say(batch, colorizer, size, hints)
            batch = []
    if batch:
        yield from _say(batch, colorizer, size, hints)


@unaffected()
def _say(
    batch: list[Scene[Source]],
    colorizer: Colorizer,
    size: tuple[int, int],
    hints: Mapping[int, Sequence[Hint]],
) -> list[Scene[Source]]:
    inputs = [torch.cat([scene.light for scene in batch])]
    looked = (inputs[0].shape[2], inputs[0].shape[3])
    if any(scene.number in hints for scene in batch):
        drawn = [rasterize(hints.get(scene.number, ()), size, looked) for scene in batch]
        inputs += [torch.cat(maps) for maps in zip(*drawn, strict=True)]
    outputs, _ = colorizer.answer(*inputs)
    bins, look = colorizer.runner.description.bins, colorizer.look
    for scene, output in zip(batch, outputs, strict=True):
        ab = output.float()
        if bins is not None:
            # The mean of their squared chroma, decoded beside ab, tells how far likely colors are apart.
            moments = torch.cat((bins, bins.square().sum(1, keepdim=True)), 1)
            *_, squares = both = annealed_mean(ab, moments, temperature=look["temperature"])
            ab = both[:2]
            spread = (squares - ab.square().sum(0)).clamp(min=0)
            scene.sure = (_SURE / (_SURE + spread)).cpu()
        scene.ab = (ab * chroma_factor(look)).cpu()
    return batch


class Settling(Generic[Source]):
    """Decide on the colors of each frame, after those of the frames around it.

    Args:
        steady: How steady colors are: the share of its weight that the past keeps for a 25th of a second, in
            [0, 1]; 0 takes each frame by itself.
        wait: How long each waits for what comes after it, which counts as well as what came before.
        start: Number of the first frame that is wanted; those before it only lead up to it.
        trail: What came before it, in a run that goes on.
    """

    def __init__(
        self,
        *,
        steady: float,
        wait: Wait,
        start: int = 0,
        trail: Trail | None = None,
    ) -> None:
        self._steady, self._wait = steady, wait
        self._past, self._part, self._start = trail, start, start
        self._futures: list[Trail] = []

    @property
    def needs_motion(self) -> bool:
        """Whether frames have anything to do with each other."""
        return self._steady > 0

    def run(self, scenes: Iterable[Scene[Source]]) -> Iterator[Scene[Source]]:
        """Give the scenes with steady colors."""
        wanted = (scene for scene in scenes if scene.number >= self._start)
        return self._around(wanted) if self._steady else self._alone(wanted)

    def _alone(self, scenes: Iterable[Scene[Source]]) -> Iterator[Scene[Source]]:
        """Leave each frame as it is."""
        for scene in scenes:
            self._arrive(scene)
            yield scene

    def _around(self, scenes: Iterable[Scene[Source]]) -> Iterator[Scene[Source]]:
        """Settle frames by those before and after them, one out for one in."""
        window = WINDOWS[self._wait]
        waiting: list[Scene[Source]] = []
        settled: deque[Scene[Source]] = deque()
        for scene in scenes:
            if waiting and (scene.motion is None or scene.motion.is_cut):
                settled += self._settle(waiting, len(waiting))
                waiting = []
            waiting.append(scene)
            if len(waiting) == 2 * window:
                settled += self._settle(waiting, window)
                waiting = waiting[window:]
            if settled:
                yield settled.popleft()
        yield from settled
        if waiting:
            yield from self._settle(waiting, len(waiting))

    @unaffected()
    def _settle(self, scenes: list[Scene[Source]], count: int) -> list[Scene[Source]]:
        """Settle the first *count* of some scenes of one shot."""
        self._arrive(scenes[0])
        # Backward first, then forward: so only one of the two trails is kept for all of these scenes.
        futures = self._look_back(scenes, count)
        for scene in scenes[:count]:
            self._past = self._forward(scene)
            scene.ab = join(self._past, futures.popleft(), scene.ab, sure=scene.sure)
        return scenes[:count]

    def _look_back(self, scenes: list[Scene[Source]], count: int) -> deque[Trail]:
        """Give the trails that come backward to the first *count* scenes, and keep those to the others.

        The pass backward before this one began earlier. Going over from one to the other little by little,
        colors do not jump where a window ends.
        """
        shorter, self._futures = self._futures, []
        overlap = len(shorter)
        trails: deque[Trail] = deque()
        trail: Trail | None = None
        for number in range(len(scenes) - 1, -1, -1):
            scene = scenes[number]
            after = scenes[number + 1] if number + 1 < len(scenes) else None
            if after is None or after.motion is None:
                trail = follow(None, scene.ab, *_STILL, sure=scene.sure)
            else:
                motion, memory = after.motion, self._memory(after.seconds)
                trail = follow(
                    trail, scene.ab, motion.ahead, motion.ahead_trust, sure=scene.sure, memory=memory
                )
            if number >= count:
                self._futures.insert(0, trail)
            elif number < overlap:
                trails.appendleft(go_over(shorter.pop(), trail, (number + 1) / (overlap + 1)))
            else:
                trails.appendleft(trail)
        return trails

    def _arrive(self, scene: Scene[Source]) -> None:
        """See whether a shot or a part of the result begins."""
        is_cut = scene.motion is not None and scene.motion.is_cut
        if is_cut:
            self._past, self._futures = None, []
        length = scene.number - self._part
        if length >= (_SHORTEST_PART if is_cut else _LONGEST_PART):
            scene.starts_part, scene.trail, self._part = True, self._past, scene.number
            self._futures = []  # a run that goes on here does not have them

    @unaffected()
    def _forward(self, scene: Scene[Source]) -> Trail:
        if scene.motion is None or self._past is None:
            return follow(None, scene.ab, *_STILL, sure=scene.sure)
        motion, memory = scene.motion, self._memory(scene.seconds)
        return follow(self._past, scene.ab, motion.back, motion.back_trust, sure=scene.sure, memory=memory)

    def _memory(self, seconds: float) -> float:
        return float(self._steady ** (_CADENCE * min(max(seconds, 0.005), 0.2)))


_STILL = (torch.empty(0), torch.empty(0))


class Crew:
    """Threads that each run one stage, and hand on what it gives through a short row.

    Used as a context, so that none is left behind, whatever happens.

    Args:
        stopped: Set at the end of the context. What the stages wait for outside of them must end then, too.
    """

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped, self._cores = stopped, Cores()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def ahead(self, items: Iterable[T], *, room: int) -> Iterator[T]:
        """Run *items* on a thread of its own, up to *room* items ahead of whoever takes them.

        An error is raised on where the items are taken.
        """
        row: queue.Queue[T | _End] = queue.Queue(room)

        def put(item: T | _End) -> bool:
            while not self._stopped.is_set():
                try:
                    row.put(item, timeout=0.1)
                except queue.Full:
                    continue
                return True
            return False

        def work() -> None:
            try:
                with self._cores.lend(1):  # the stages share the cores
                    if all(put(item) for item in items):
                        put(_End(None))
            except BaseException as error:
                put(_End(error))

        thread = threading.Thread(target=work, name=f"colorful-video-{len(self._threads)}", daemon=True)
        with deep():
            thread.start()
        self._threads.append(thread)

        def take() -> Iterator[T]:
            while not self._stopped.is_set():
                try:
                    item = row.get(timeout=0.1)
                except queue.Empty:
                    continue
                if not isinstance(item, _End):
                    yield item
                elif item.error is None:
                    return
                else:
                    raise item.error

        return take()

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()


@dataclass(frozen=True)
class _End:
    """What comes after the last item."""

    error: BaseException | None


def stages(
    scenes: Iterable[Scene[Source]],
    colorizer: Colorizer,
    settling: Settling[Source],
    *,
    size: tuple[int, int],
    hints: Mapping[int, Sequence[Hint]],
    ahead: Ahead,
) -> Iterator[Scene[Source]]:
    """Chain motion, network and settling.

    Args:
        scenes: With their L.
        colorizer: The model.
        settling: Decides on colors.
        size: Height and width of an upright frame.
        hints: Those of each frame.
        ahead: Puts a stage on a thread of its own, as :meth:`Crew.ahead` does.
    """
    scenes = ahead(scenes, room=ROOM)
    if settling.needs_motion:
        scenes = ahead(track(scenes, colorizer.runner.description.stride), room=ROOM)
    scenes = ahead(ask(scenes, colorizer, size, hints), room=BATCH // 2)
    return ahead(settling.run(scenes), room=ROOM)
