"""Where the tests of faults stand: beginnings of their names, below `tests/`."""

from typing import Final

FAULTS: Final = "integration/faults/test_"
SURVIVES: Final = f"{FAULTS}push_table.py::test_a_publish_survives"
FAILS: Final = f"{FAULTS}push_table.py::test_a_publish_fails"
READ: Final = f"{FAULTS}pull_table.py::test_a_read_survives"
SPOILT: Final = f"{FAULTS}pull_table.py::test_what_was_read_wrong_is_not_published"
DOCUMENT: Final = f"{FAULTS}pull_table.py::test_a_document_that_is_wrong_is_refused"
NETWORKS: Final = f"{FAULTS}networks.py::test_"
PUBLICATIONS: Final = f"{FAULTS}publications.py::test_"
DISKS: Final = f"{FAULTS}disks.py::test_"
RACES: Final = f"{FAULTS}races.py::test_"
REGISTRY: Final = "integration/test_registry_faults.py::test_"
PUSHES: Final = "integration/test_registry_pushes.py::test_"
UPLOADS: Final = "integration/test_registry_uploads.py::test_"
LOGIN: Final = "integration/test_registry_login.py::test_"
READS: Final = "integration/test_registry_read.py::test_"
