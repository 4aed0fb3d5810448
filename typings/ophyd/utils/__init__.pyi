from ophyd.utils.errors import DisconnectedError as DisconnectedError
from ophyd.utils.errors import ReadOnlyError as ReadOnlyError
