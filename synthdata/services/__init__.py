"""Language models and embeddings as sources of data: the conf group ``services``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.services.cache import Cache, SqliteCache
    from synthdata.services.limiter import Limiter, Limits
    from synthdata.services.openai import OpenAI
    from synthdata.services.paraphrases import Paraphrases
    from synthdata.services.recorded import Recorded
    from synthdata.services.sqlite_limiter import SqliteLimiter
    from synthdata.vocabularies.embedding import Embedder, Embedding, MiniLM, WordLlama
    from synthdata.vocabularies.themes import process_themes

__all__ = [
    "Cache",
    "Embedder",
    "Embedding",
    "Limiter",
    "Limits",
    "MiniLM",
    "OpenAI",
    "Paraphrases",
    "Recorded",
    "SqliteCache",
    "SqliteLimiter",
    "WordLlama",
    "process_themes",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Cache": "cache",
        "Embedder": ".vocabularies.embedding",
        "Embedding": ".vocabularies.embedding",
        "Limiter": "limiter",
        "Limits": "limiter",
        "MiniLM": ".vocabularies.embedding",
        "OpenAI": "openai",
        "Paraphrases": "paraphrases",
        "Recorded": "recorded",
        "SqliteCache": "cache",
        "SqliteLimiter": "sqlite_limiter",
        "WordLlama": ".vocabularies.embedding",
        "process_themes": ".vocabularies.themes",
    },
)
