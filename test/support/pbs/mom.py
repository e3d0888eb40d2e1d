#!/usr/bin/env python3
"""
pbs_mom's part in starting a task, as far as a hook and a program can tell (OpenPBS 23, src/resmom/start_exec.c): the hook is asked
as root with what is about to run, each argument goes through a file of lines, where an empty one is lost, and then the program is
executed as the user, in the user's home or `directory`.

    mom.py HOOK EVENT TASK      TASK: a file of JSON: job, tees, isMs, uid, gid, directory, program, argv, env, settings
"""
import json
import os
import runpy
import sys
import types

hook, event_name, task_file = sys.argv[1:]
with open(task_file) as file:
    task = json.load(file)


class Resources(dict):
    """Of what a job does not ask for: None (pbs_resource)."""

    def __missing__(self, _):
        return None


pbs = types.ModuleType("pbs")
pbs.EXECJOB_LAUNCH, pbs.EXECJOB_END, pbs.LOG_ERROR = 1 << 18, 1 << 13, 3
pbs.logmsg = lambda _, text: print(text, file=sys.stderr)
pbs.logjobmsg = lambda job, text: print(job, text, file=sys.stderr)
if task.get("settings"):
    pbs.hook_config_filename = task["settings"]
job = types.SimpleNamespace(
    id=task["job"],
    Resource_List=Resources({"tees": task["tees"]} if task.get("tees") else {}),
    in_ms_mom=lambda: task["isMs"],
)
kind = {"launch": pbs.EXECJOB_LAUNCH, "end": pbs.EXECJOB_END}[event_name]
event = types.SimpleNamespace(type=kind, job=job)
if kind == pbs.EXECJOB_LAUNCH:
    event.progname, event.argv, event.env = task["program"], list(task["argv"]), dict(task["env"])
pbs.event = lambda: event
sys.modules["pbs"] = pbs
runpy.run_path(hook)
if kind == pbs.EXECJOB_LAUNCH:
    argv = [word for word in event.argv if word != ""]
    os.setgroups([])
    os.setgid(task["gid"])
    os.setuid(task["uid"])
    os.chdir(task["directory"])
    sys.stdout.flush()
    os.execve(event.progname, argv, event.env)
