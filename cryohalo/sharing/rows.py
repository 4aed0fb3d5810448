"""The writer of one run of bluesky-tiled-plugins, which writes what it has whenever it is asked.

``TiledWriter`` makes such a writer for each run, and has no way to tell it to write before a batch
is full or the run has ended: a scan would be seen by Tiled's clients fifty spectra late. That
package is pinned.
"""

from __future__ import annotations

from bluesky_tiled_plugins.writing.tiled_writer import _RunWriter

__all__ = ["RowWriter"]


class RowWriter(_RunWriter):
    """Writes the documents of one run to Tiled."""

    def flush(self) -> None:
        """Write the events that have been taken and not written."""
        for name, rows in self._internal_data_cache.items():
            if rows:
                self._write_internal_data(rows, desc_node=self._desc_nodes[name])
                rows.clear()
