"""
TEES under PBS: what a job that was submitted from a private environment runs, runs in it, on every node.

For OpenPBS 20 and later, as an execution hook with the events execjob_launch and execjob_end (see install.qmgr). Before the job's
script starts, and before each process that it has started on another node (pbsdsh, pbs_tmrsh, MPI by TM), tees-task takes the
place of the program: as the user it asks the node's daemon for the way in, goes in, and becomes the program. Jobs without the
resource `tees` are not touched. No error of a job rejects an event, which could take the node out of service.
"""
import json
import socket
import subprocess
import zlib

import pbs

SETTINGS = {
    "task": "/usr/lib/tees/native/build/Release/tees-task",
    "socket": "/run/tees/tasks.sock",
}
NONE = "none"
# An empty argument would be lost on the way through MoM.
UNSAID = "-"
OPTIONS = ("hook", "method", "on-loss")
END_DEADLINE_S = 10
POSITIONS = 1000
# glibc takes these, and LD_*, from whoever starts a program with capabilities.
TAKEN = (
    "GCONV_PATH", "GETCONF_DIR", "GLIBC_TUNABLES", "HOSTALIASES", "LOCALDOMAIN", "LOCPATH", "MALLOC_ARENA_MAX",
    "MALLOC_CHECK_", "MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_PERTURB_", "MALLOC_TOP_PAD_", "MALLOC_TRACE",
    "MALLOC_TRIM_THRESHOLD_", "NIS_PATH", "NLSPATH", "RESOLV_HOST_CONF", "RES_OPTIONS", "TMPDIR", "TZDIR",
)


def settings():
    """Those of the hook's configuration, where it has one."""
    merged = dict(SETTINGS)
    path = getattr(pbs, "hook_config_filename", None)
    if path:
        with open(path) as file:
            merged.update(json.load(file))
    return merged


def wish_of(job):
    """`qsub -l tees=NAME[:hook=H][:method=M][:on-loss=L]`: the name, and the options in their order; None without."""
    text = job.Resource_List["tees"]
    if text is None or str(text) in ("", NONE):
        return None
    name, *pairs = str(text).split(":")
    options = dict(pair.partition("=")[::2] for pair in pairs)
    unknown = set(options) - set(OPTIONS)
    if unknown or name == "":
        pbs.logjobmsg(job.id, "tees: cannot be understood: -l tees=%s" % text)
    return name, [options.get(option) or UNSAID for option in OPTIONS]


def launch(event):
    job = event.job
    wish = wish_of(job)
    if wish is None:
        return
    name, options = wish
    here = settings()
    environment = event.env
    # MoM's own variables escape commas.
    taken = [
        "%s=%s" % (key, str(environment[key]).replace("\\,", ","))
        for key in environment if key.startswith("LD_") or key in TAKEN
    ]
    # The first node asks for the environment at once, others later, and not all at the same time.
    position = 0 if job.in_ms_mom() else 1 + zlib.crc32(socket.gethostname().encode()) % POSITIONS
    program = event.progname
    event.argv = (
        ["tees-task", "--socket", here["socket"], "enter", job.id, name, str(position)]
        + options + taken + ["--", program] + list(event.argv)
    )
    event.progname = here["task"]


def end(event):
    """The daemon asks PBS itself; this only says that now is the time."""
    if wish_of(event.job) is None:
        return
    here = settings()
    subprocess.run([here["task"], "--socket", here["socket"], "ended", event.job.id], timeout=END_DEADLINE_S, check=False)


def refuse(event, why):
    """Instead of the program, which must not run outside of the environment that the job wants."""
    event.progname = "/bin/sh"
    event.argv = ["sh", "-c", 'echo "tees: the hook of PBS has failed: $1" >&2; exit 125', "sh", why]


current = pbs.event()
try:
    if current.type == pbs.EXECJOB_LAUNCH:
        launch(current)
    else:
        end(current)
except Exception as error:  # whatever it is, it must not stop the job's node
    reason = "%s: %s" % (type(error).__name__, error)
    pbs.logmsg(pbs.LOG_ERROR, "tees: " + reason)
    if current.type == pbs.EXECJOB_LAUNCH:
        refuse(current, reason)
