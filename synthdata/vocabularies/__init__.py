"""Words that a model chooses when a config is composed: ``vocabulary={themes: [sea, forest]}``."""

from synthdata.vocabularies.settling import settled

__all__ = ["settled"]
