"""Refuses files and folders that others could have written: an engine is code that runs in this process."""

import os
import stat
from pathlib import Path

OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def distrust(path: Path, status: os.stat_result | None = None) -> str:
    """Why a file or folder cannot be trusted, in words that follow its name; empty if it can.

    It must belong to this user or to root, who can do anything anyway, be no link, and be closed to other writers.
    """
    status = status or path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return "is a link"
    if status.st_uid not in (os.geteuid(), 0):
        return f"belongs to user {status.st_uid}, not to user {os.geteuid()}, who runs this"
    if status.st_mode & OTHERS_MAY_WRITE:
        return f"can be written by others (mode {stat.S_IMODE(status.st_mode):o})"
    return ""


def distrusted_parent(path: Path) -> str:
    """The first folder above a path in which others could replace what is below it, and why; empty if there is none.

    A sticky folder, such as /tmp, keeps what belongs to others. A group's folder counts as its owner's: on many systems
    each user has a group of their own, and folders are open to it.
    """
    for parent in path.parents:
        status = parent.stat()
        if status.st_uid not in (os.geteuid(), 0):
            return f"{parent} belongs to user {status.st_uid}"
        if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
            return f"{parent} can be written by everybody (mode {stat.S_IMODE(status.st_mode):o})"
    return ""


def close_to_others(folder: Path) -> None:
    """Take the right to write from everybody but the owner, for a folder and all that it holds."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~OTHERS_MAY_WRITE)
