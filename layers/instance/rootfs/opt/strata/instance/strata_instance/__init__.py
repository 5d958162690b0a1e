"""How an instance boots. Standard library, PyYAML and supervisor of /opt/services, and modules of the layer `runtime`."""

import sys

sys.path.append("/opt/strata/runtime")
