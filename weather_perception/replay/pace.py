"""The recorded time that passes from frame to frame, without the gaps in which nothing was recorded."""

LONGEST_GAP_S = 10.0
"""A longer time between two frames is a gap: the recorder paused, or the clock was set."""
GAP_COUNTS_S = 1.0


class Pace:
    """Adds up recorded time. A gap counts as GAP_COUNTS_S, a step back as none."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.gaps = 0
        self._last_ns: int | None = None

    def to(self, play_ns: int) -> float:
        """Go on to the frame recorded at `play_ns`; returns the seconds since the first frame."""
        step_s = 0.0 if self._last_ns is None else (play_ns - self._last_ns) / 1e9
        if step_s > LONGEST_GAP_S:
            self.gaps += 1
            step_s = GAP_COUNTS_S
        self.seconds += max(step_s, 0.0)
        self._last_ns = play_ns
        return self.seconds
