"""A real Slurm on this machine: one node, its controller, its authentication, all in one folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from processes import environment, until

DAEMONS = ("munged", "slurmctld", "slurmd")
CPUS = 2

_CONF = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
KillWait=8
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES State=UP
"""


def missing() -> str:
    """Why there can be no Slurm here; empty when there can."""
    absent = [name for name in (*DAEMONS, "sbatch", "setpriv") if not shutil.which(name)]
    if absent:
        return f"not installed: {', '.join(absent)} (Debian: slurm-wlm, munge)"
    return "" if os.geteuid() == 0 else "its daemons want to be root"


class Slurm:
    """One node of ``CPUS`` CPUs. ``folder`` gets all that it writes; ``work`` is where jobs run."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.folder, self.work = folder, work
        for name in ("state", "spool"):
            (folder / name).mkdir()
        key = folder / "key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        conf = folder / "slurm.conf"
        text = _CONF.format(host=socket.gethostname(), folder=folder, ports=_ports(), cpus=CPUS)
        conf.write_text(text.lstrip())
        self.environment = {**environment(), "SLURM_CONF": str(conf)}
        self._daemons: list[subprocess.Popen[bytes]] = []
        munge = [f"--{name}-file={folder}/{name}" for name in ("key", "pid", "log", "seed")]
        try:
            self._start("munged", "--foreground", "--force", f"--socket={folder}/munge", *munge)
            until((folder / "munge").exists, "munge's socket")
            self._start("slurmctld", "-D")
            self._start("slurmd", "-D")
            until(lambda: "idle" in self("sinfo", "--noheader", "--format=%t"), "an idle node")
        except BaseException:
            self.close()
            raise

    def _start(self, name: str, *options: str) -> None:
        with open(self.folder / f"{name}.said", "wb") as said:
            command = ["setpriv", "--pdeathsig", "KILL", name, *options]  # also if pytest is killed
            self._daemons.append(
                subprocess.Popen(command, env=self.environment, stdout=said, stderr=said)
            )

    def __call__(self, *command: str) -> str:
        """What one of Slurm's commands says on stdout."""
        return subprocess.run(
            command, env=self.environment, cwd=self.work, text=True, capture_output=True, timeout=60
        ).stdout

    def submit(self, *options: str, script: str) -> str:
        """Submit a batch script; the number of the job."""
        path = self.work / "job.sh"
        path.write_text(f"#!/bin/bash\n{script}\n")
        told = self("sbatch", "--parsable", "--output=%x-%a.log", *options, str(path))
        assert told.strip().isdigit(), self.log()
        return told.strip()

    def states(self, job: str) -> str:
        """The states of what is left of a job in the queue; empty when nothing is."""
        return self("squeue", "--noheader", "--array", "--format=%K %t", f"--jobs={job}")

    def until_ended(self, job: str, seconds: float = 120) -> None:
        until(lambda: not self.states(job).strip(), f"the end of job {job}", seconds)

    def exit_codes(self, job: str) -> set[str]:
        """How the tasks of a job have ended: ``code:signal``."""
        lines = self("scontrol", "show", "job", job).split()
        return {word.partition("=")[2] for word in lines if word.startswith("ExitCode=")}

    def log(self) -> str:
        """What the daemons said."""
        return "\n".join(path.read_text() for path in self.folder.glob("*.said"))

    def close(self) -> None:
        """End all jobs and all daemons."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self("scancel", "--user=root", "--signal=KILL")
            self("scancel", "--user=root")
        for daemon in reversed(self._daemons):
            daemon.kill()
            daemon.wait()
        until(lambda: not self._killed(), "the end of its last process")

    def _killed(self) -> list[int]:
        """Kill what is left; which that was."""
        left = self._processes()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left

    def _processes(self) -> list[int]:
        """The processes that were started with this Slurm's configuration: daemons and jobs."""
        mark = f"SLURM_CONF={self.environment['SLURM_CONF']}\0".encode()
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if mark in Path(f"/proc/{entry}/environ").read_bytes():
                    found.append(int(entry))
        return found


def _ports() -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
