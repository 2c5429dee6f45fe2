"""An object store on this machine."""

from object_store import clean, server, store  # noqa: F401
