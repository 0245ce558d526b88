"""The part of a recording to replay: from when, for how long, and every how many frames."""

from dataclasses import dataclass

SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Window:
    """`start_s` and `duration_s` are seconds after the recording's own start; every `stride`-th frame of it is read."""

    start_s: float = 0.0
    duration_s: float | None = None
    stride: int = 1

    @property
    def whole(self) -> bool:
        """Whether it leaves no frame out."""
        return self.start_s <= 0 and self.duration_s is None and self.stride == 1

    def bounds(self, first_ns: int) -> tuple[int | None, int | None]:
        """The window in nanoseconds, [first, last), for a recording that starts at `first_ns`; None is open."""
        start = first_ns + round(self.start_s * SECOND_NS) if self.start_s > 0 else None
        if self.duration_s is None:
            return start, None
        return start, first_ns + round((max(self.start_s, 0) + self.duration_s) * SECOND_NS)

    def left(self, count: int, span_ns: int) -> int:
        """About how many of `count` evenly spread frames of a recording of `span_ns` it leaves; exact for a stride."""
        if self.duration_s is not None or self.start_s > 0:
            start_s, span_s = max(self.start_s, 0), span_ns / SECOND_NS
            end_s = span_s if self.duration_s is None else min(span_s, start_s + self.duration_s)
            count = round(count * max(end_s - start_s, 0) / span_s) if span_s > 0 else count
        return -(-count // self.stride)


WHOLE = Window()
