"""A clock that can be moved, for the worker and beat of a row; libfaketime gives it to them."""

from datetime import datetime
from pathlib import Path

from django.utils import timezone

from tests.matrix.place import Place
from tests.matrix.world import Inexact

#: Python sleeps until a time of the monotonic clock, which libfaketime takes for one of the clock that it moves, and
#: refuses. A program with this beside its modules sleeps for a length of time.
_SLEEP = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds)\n"
_LIBRARIES = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")


class Clock:
    """Programs with its environment see a time that is ahead; how they measure time that passes stays as it is."""

    def __init__(self, place: Place) -> None:
        library = next(iter(_LIBRARIES), None)
        if library is None:
            raise Inexact("libfaketime is not installed (apt-get install libfaketime)")
        modules = place.folder / "modules"
        modules.mkdir()
        (modules / "sitecustomize.py").write_text(_SLEEP, encoding="ascii")
        self._file = place.folder / "clock"
        self._file.write_text("+0", encoding="ascii")
        self.environment = {
            "PYTHONPATH": str(modules),
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def move_to(self, moment: datetime) -> None:
        """Ahead only; a moment that is past for them already changes nothing."""
        ahead = (moment - timezone.now()).total_seconds()
        if ahead > 0:
            whole = self._file.with_suffix(".new")
            whole.write_text(f"+{ahead:.0f}", encoding="ascii")
            whole.replace(self._file)
