"""Runs shared through Tiled: delivered there from the catalog's folder, and read from there.

The folder stays the record. ``forwarder`` reads it and delivers what is new: the file is the
buffer, so nothing that happens to server, network or forwarder touches a session, and nothing is
lost. A run is in Tiled twice:

- ``documents/<uid>``: the bytes of its file, as they are. Whatever is delivered again comes to lie
  where it lay: each document is there once. They are what ``cryohalo.sharing.catalog`` reads, to
  the last bit. Tiled's own form cannot give that: its metadata are JSON, which has no NaN and no
  integer of 64 bits, and a column has one type.
- ``runs/<uid>``: the same by ``TiledWriter`` of bluesky-tiled-plugins, for Tiled's own clients.

It wants the extra ``tiled``; nothing of that is imported before it is used.
"""
