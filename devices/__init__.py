"""ophyd devices over the process variables of both machines."""
