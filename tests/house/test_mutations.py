"""What the study of mutations would change still stands: a change of nothing is noticed by none."""

from __future__ import annotations

import pytest

from benchmarks.studies.mutation_tables import MUTATIONS, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_what_a_mutation_changes_stands_once_in_its_file(mutation: Mutation) -> None:
    assert mutation.stands, f"{mutation.path}: {mutation.old}"
