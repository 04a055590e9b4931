"""What outlives the process: the SQL tables of a run, its journal, and files that are whole or absent."""

from alframe.storage.arrays import load_arrays, save_arrays
from alframe.storage.artifacts import file_sha256, whole_file
from alframe.storage.database import open_database, sqlite_url
from alframe.storage.journal import Journal, JournalEntry, artefact
from alframe.storage.origin import ORIGIN, Origin
from alframe.storage.predictions import (
    MANIFEST,
    Manifest,
    Precision,
    PredictionStore,
    Request,
    read_manifest,
    read_predictions,
)
from alframe.storage.records import load_record, save_record
from alframe.storage.run_folder import claim_folder, hold_folder, hold_promotions

__all__ = [
    "MANIFEST",
    "ORIGIN",
    "Journal",
    "JournalEntry",
    "Manifest",
    "Origin",
    "Precision",
    "PredictionStore",
    "Request",
    "artefact",
    "claim_folder",
    "file_sha256",
    "hold_folder",
    "hold_promotions",
    "load_arrays",
    "load_record",
    "open_database",
    "read_manifest",
    "read_predictions",
    "save_arrays",
    "save_record",
    "sqlite_url",
    "whole_file",
]
