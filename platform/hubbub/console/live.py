"""What people see while a run goes on."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Lock
from typing import Self, TextIO

import msgspec
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hubbub.console import transcript
from hubbub.console.calls import bounds
from hubbub.console.picture import Picture
from hubbub.console.tables import bill
from hubbub.messages import Called, Message, RoundBegan, Started
from hubbub.text import escape_json, safe_text

#: Seconds between two ticks that suit the eye.
TICK = 0.1
#: Transcript lines of one tick; of more, the last ones.
LINES = 200
#: The share of the time that drawing may take.
SHARE = 0.1
#: Chats named in the panel.
_CHATS = 6


class LiveView:
    """
    The transcript of a run, and on a terminal a panel below it.

    Feed it every message with `show`, which takes microseconds and never waits, and call
    `tick` every `TICK` seconds, which draws.  A stopped terminal or a full pipe makes
    `tick` wait: call it in a thread, so that it holds up nobody else.  However fast the
    run is, drawing takes no more than `SHARE` of the time and skips lines: nothing is
    lost, the log has all.

    With *json*, events go there as JSON lines and the words for people to stderr.
    *clock* measures in seconds what drawing costs.
    """

    def __init__(
        self,
        run: str,
        *,
        console: Console | None = None,
        json: TextIO | None = None,
        verbose: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.picture = Picture()
        #: Why nothing is drawn any more: the reader has left, or there is no room.
        self.failure: OSError | None = None
        self._run = run
        self._console = console or Console(stderr=json is not None)
        self._json = json
        self._verbose = verbose
        self._clock = clock
        # Held for what is read or changed by both `show` and `tick`, never to write.
        self._lock = Lock()
        self._events: list[str] = []
        self._lines: deque[Message] = deque(maxlen=LINES)
        self._skipped = 0
        self._kinds = 0
        self._pace: deque[tuple[float, int]] = deque(maxlen=20)
        self._began: float | None = None
        self._due = 0.0
        self._live = self._open_live()

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._draw()
        finally:
            if self._live is not None:
                self._live.stop()

    def show(self, message: Message) -> None:
        """Take in the next message; it is drawn at a later tick."""
        with self._lock:
            self.picture.apply(message)
            if self._json is not None:
                self._events.extend(_event(self._run, message))
            shown = transcript.is_talk(message) or self._fails_anew(message)
            if self._verbose or shown:
                self._skipped += len(self._lines) == LINES
                self._lines.append(message)

    def recall(self, message: Message) -> None:
        """Take in a message of an earlier sitting: it is counted, and not drawn."""
        with self._lock:
            self.picture.apply(message)

    def tick(self, now: float) -> None:
        """Draw what came since the last tick, unless it is too early; *now* in seconds."""
        if self._began is None:
            self._began = now
        self._pace.append((now, self.picture.messages))
        if now < self._due:
            return
        began = self._clock()
        self._draw()
        self._due = now + (self._clock() - began) / SHARE

    def __rich__(self) -> Panel:
        """The panel as it is now."""
        title = Text(safe_text(self._run, 64), "bold")
        with self._lock:
            body = self._body()
        return Panel(body, title=title, title_align="left", border_style="dim")

    def _fails_anew(self, message: Message) -> bool:
        """Whether it is the first call of its model to fail in this way."""
        if not isinstance(message.body, Called):
            return False
        kinds = sum(len(usage.errors) for usage in self.picture.models.values())
        known, self._kinds = self._kinds, kinds
        return kinds > known

    def _open_live(self) -> Live | None:
        if not self._console.is_interactive:
            return None
        # With JSON, stdout is the program's and must not be led into the panel.
        return Live(
            self,
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=self._json is None,
        )

    def _draw(self) -> None:
        with self._lock:
            events, self._events = self._events, []
            messages, self._lines = self._lines, deque(maxlen=LINES)
            skipped, self._skipped = self._skipped, 0
        if self.failure is not None:
            return
        try:
            self._write(events, messages, skipped)
        except OSError as error:
            # A run does not depend on who watches it: it goes on, the log has all.
            self.failure = error

    def _write(
        self, events: Sequence[str], messages: Sequence[Message], skipped: int
    ) -> None:
        if self._json is not None:
            self._json.writelines(events)
            self._json.flush()
        if messages:
            transcript.write(self._console, _lines(messages, skipped))
        elif self._live is not None:
            self._live.refresh()

    def _body(self) -> Table:
        picture = self.picture
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        grid.add_row("round", self._round())
        grid.add_row("talking", Text(self._talking()))
        said = f"{picture.messages:,}, {picture.says:,} said, {self._rate():,.0f}/s"
        grid.add_row("messages", Text(said))
        grid.add_row("outcomes", self._outcomes())
        if picture.calls or bounds(picture.budget):
            grid.add_row("spent", Text(bill(picture)))
        grid.add_row("elapsed", Text(self._elapsed()))
        grid.add_row("", Text("Ctrl-C stops; the run can be resumed", "dim"))
        return grid

    def _round(self) -> Table:
        picture = self.picture
        row = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=max(1, picture.of), completed=picture.round, width=30)
        step = f"step {picture.step}, {picture.form}" if picture.form else "starting"
        row.add_row(Text(f"{picture.round} of {picture.of}"), bar, Text(step, "dim"))
        return row

    def _talking(self) -> str:
        pairs = list(self.picture.chats.values())
        shown = ", ".join(" with ".join(pair) for pair in pairs[:_CHATS])
        rest = len(pairs) - _CHATS
        return safe_text(
            f"{shown} and {rest:,} more" if rest > 0 else shown or "nobody"
        )

    def _outcomes(self) -> Text:
        text = Text()
        for outcome, count in self.picture.outcomes.most_common():
            text.append(f"{outcome} {count:,}  ")
        if self.picture.faults:
            text.append(f"faults {self.picture.faults:,}", "red")
        return text or Text("none yet")

    def _rate(self) -> float:
        if len(self._pace) < 2:
            return 0.0
        (then, before), (now, after) = self._pace[0], self._pace[-1]
        return (after - before) / (now - then) if now > then else 0.0

    def _elapsed(self) -> str:
        if self._began is None:
            return "0:00:00"
        seconds = int(self._pace[-1][0] - self._began)
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _lines(messages: Iterable[Message], skipped: int) -> Iterator[Text]:
    if skipped:
        yield Text(f"… {skipped:,} more lines, see the log", "dim")
    yield from map(transcript.line, messages)


def _event(run: str, message: Message) -> Iterator[str]:
    """The line of JSON that programs get for *message*, if they get one."""
    event: dict[str, object]
    match message.body:
        case Started(scenario=scenario, seed=seed, seats=seats):
            event = {"event": "start", "run": run, "scenario": scenario}
            event |= {"seed": seed, "seats": len(seats)}
        case RoundBegan(round=number, of=of):
            event = {"event": "round", "round": number, "of": of}
        case _:
            return
    line = msgspec.json.encode(event | {"seq": message.seq})
    yield escape_json(line).decode() + "\n"
