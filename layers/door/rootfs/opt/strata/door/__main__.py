"""`python -Es /opt/strata/door`: the door, with no module of a user's in its way."""

import sys

from strata_door.program import main

sys.exit(main())
