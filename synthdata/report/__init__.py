"""What people and programs look at after a run: ``report.html``, ``stats.json``, and the rest.

It reads runs as exports do, through their writer, and makes no sample.
"""

from synthdata.report.write import finish, report

__all__ = ["finish", "report"]
