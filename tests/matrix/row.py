"""One row of the matrix, in a process of its own: `python -m tests.matrix.row CASE FOLDER ARGUMENTS`; prints JSON."""

import json
import sys
import traceback
from pathlib import Path
from typing import Any

import django

django.setup()

from tests.matrix.cases import CASES  # noqa: E402 - it needs the models
from tests.matrix.place import Place  # noqa: E402
from tests.matrix.world import Inexact  # noqa: E402


def main() -> int:
    case, folder, arguments = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    with Place(folder) as place:
        try:
            found: dict[str, Any] = CASES[case](place, **arguments)
        except (Inexact, TimeoutError) as error:
            found = {"broken": str(error), "said": {name: place.said(name) for name in place.names}}
        except Exception:  # noqa: BLE001 - the table has it, and the run fails
            found = {"broken": traceback.format_exc(), "said": {name: place.said(name) for name in place.names}}
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
