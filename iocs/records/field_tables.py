"""The fields that have no meaning here, with the types and defaults that EPICS base gives them.

From the field tables of ``caproto.server.records``, with what a comparison with base 7.0.8's
softIoc corrects: unsigned fields, which Channel Access sends as the next larger type.
"""

from __future__ import annotations

from typing import Any

from caproto import ChannelType

from pvdb.records.description import MAX_STRING_LENGTH, Read, Record, State, Wire, Write

_WIRES = {
    ChannelType.DOUBLE: Wire.DOUBLE,
    ChannelType.FLOAT: Wire.FLOAT,
    ChannelType.LONG: Wire.LONG,
    ChannelType.INT: Wire.SHORT,
    ChannelType.CHAR: Wire.CHAR,
    ChannelType.ENUM: Wire.ENUM,
    ChannelType.STRING: Wire.STRING,
}
#: DBF_ULONG in every record type: sent as a double.
AS_DOUBLE = dict.fromkeys(("HASH", "LEN", "NELM", "NORD", "OLEN", "ROFF"), Wire.DOUBLE)
_UNSIGNED_IN_STATES = frozenset({"MASK", "ORAW", "ORBV", "RBV", "SVAL"})
_SHORT_IN_STATES = frozenset({"IVOV", "LALM", "MLST", "NOBT", "SHFT"})
_STATE_RECORDS = frozenset({"bi", "bo", "mbbi", "mbbo"})


#: Fields of longout that base 7.0.8 has and caproto's table has not.
_NEWER = {
    "PVAL": (Wire.LONG, ()),
    "OOCH": (Wire.ENUM, ("NO", "YES")),
    "OOPT": (
        Wire.ENUM,
        (
            "Every Time",
            "On Change",
            "When Zero",
            "When Non-zero",
            "Transition To Zero",
            "Transition To Non-zero",
        ),
    ),
}


def field_of(
    record: Record,
    name: str,
    wire: Wire,
    read: Read | None,
    write: Write | None = None,
    **extra: Any,
) -> Record:
    """Field ``name`` of ``record`` as a record of its own, in the record's security group.

    Its access security level is 1, as of nearly every field but VAL in EPICS base.
    """
    extra.setdefault("length", MAX_STRING_LENGTH)
    extra.setdefault("saved", write is not None)
    extra.setdefault("level", 1)
    unsigned = wire is Wire.DOUBLE and name in AS_DOUBLE  # a whole number, sent as a double
    return Record(
        name=f"{record.name}.{name}",
        kind=record.kind,
        wire=wire,
        description=f"Field {name}",
        precision=0 if unsigned else record.precision,
        read=read,
        write=write,
        group=record.group,
        **extra,
    )


def from_table(record: Record, name: str) -> Record:
    """Field ``name`` with base's type and default; read-only.

    Raises:
        KeyError: The record type has no such field.
    """
    if record.kind == "longout" and name in _NEWER:
        wire, names = _NEWER[name]
        states = tuple(State(state) for state in names)
        return field_of(record, name, wire, None, states=states, initial=int(name == "OOCH"))
    spec = _table(record.kind)[name]
    text = spec.cls_kwargs.get("report_as_string")
    wire = Wire.STRING if text else _WIRES[spec.dtype.data_type]
    if wire is Wire.STRING:
        return field_of(record, name, wire, None, initial="")
    if wire is Wire.ENUM:
        return _menu(record, name, spec)
    initial = spec.value if isinstance(spec.value, (int, float)) else 0
    return field_of(record, name, _corrected(record.kind, name, wire), None, initial=initial)


def _corrected(kind: str, name: str, wire: Wire) -> Wire:
    """The wire type of an unsigned field."""
    if wire is Wire.LONG and name in AS_DOUBLE:
        return Wire.DOUBLE
    if kind in _STATE_RECORDS and wire is Wire.LONG and name in _UNSIGNED_IN_STATES:
        return Wire.DOUBLE
    if kind in _STATE_RECORDS and wire is Wire.SHORT and name in _SHORT_IN_STATES:
        return Wire.LONG
    return wire


def _menu(record: Record, name: str, spec: Any) -> Record:
    names = spec.cls_kwargs.get("enum_strings", ("",))
    initial = names.index(spec.value) if spec.value in names else 0
    states = tuple(State(state[:25]) for state in names[:16])
    return field_of(record, name, Wire.ENUM, None, states=states, initial=initial)


_tables: dict[str, dict[str, Any]] = {}


def _table(kind: str) -> dict[str, Any]:
    """Field descriptions of a record type by field name, looked up once."""
    if kind not in _tables:
        from caproto.server import records  # 0.1 s: only when a client asks

        fields = getattr(records, f"{kind.capitalize()}Fields")
        _tables[kind] = {item.pvspec.name: item.pvspec for item in fields._pvs_.values()}
    return _tables[kind]
