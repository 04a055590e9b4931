"""What outlives the process: the SQL tables of a run, its journal, and files that are whole or absent."""

from alframe.storage.artifacts import file_sha256, whole_file
from alframe.storage.database import open_database
from alframe.storage.journal import Journal, JournalEntry
from alframe.storage.records import load_record, save_record

__all__ = ["Journal", "JournalEntry", "file_sha256", "load_record", "open_database", "save_record", "whole_file"]
