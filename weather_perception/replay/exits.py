"""The exit codes of `replay`: one for each thing that can be wrong with a recording."""

import errno
from enum import IntEnum

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""The errors of a full disk, or of a full share of one."""


class ExitCode(IntEnum):
    """How the command ended."""

    DONE = 0
    FAILED = 1  # anything that has no code of its own
    USAGE = 2  # argparse's own
    UNREADABLE = 3  # not a recording, or so damaged that nothing of it can be read
    EMPTY = 4  # a recording without messages, or without any on its image topics
    NO_IMAGES = 5  # a recording without an image topic
    NO_SUCH_TOPIC = 6  # --topic names no image topic of the recording
    FOREIGN_TYPE = 7  # its images are of message types that replay does not read
    NO_SPACE = 8  # the disk is full
    NOTHING_ANSWERED = 9  # the results are there, but no frame got an answer
    INCOMPLETE = 10  # the results are there, but parts of the recording are missing
    BELOW_LIMIT = 11  # the results are there, but a limit of --fail-under does not hold
    INTERRUPTED = 130
