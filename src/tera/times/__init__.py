"""Dates and times as a person says them, in the person's own time zone -> moments in UTC."""

from tera.times.moments import Edge, parse_moment
from tera.times.questions import (
    TimeSpan,
    asks_when,
    find_times,
    is_only_time,
    tells_time,
    whole_days,
    without_times,
)

__all__ = [
    "Edge",
    "TimeSpan",
    "asks_when",
    "find_times",
    "is_only_time",
    "parse_moment",
    "tells_time",
    "whole_days",
    "without_times",
]
