from ophyd.utils.errors import ReadOnlyError as ReadOnlyError
