"""Tie a process's life to its parent's, so that a killed parent leaves nothing behind.

Owns the one system call that does it. Knows nothing of roles or of Redis. Run as a script
it ties itself and becomes another program:

    python -I -S tether.py PARENT_PID PROGRAM [ARGUMENT…]

which is how a server written in C is tied without running Python between fork and exec in
the parent (`preexec_fn` may deadlock there, and it keeps the fast vfork path from being used).

The kernel sends the signal when the *thread* that forked ends, not its process. So a tied
child must be started from a thread that lives as long as the process: the main thread.
`require_main_thread` is the guard for those who start one.

Linux only. On other systems the tie is not made: there, children stop with an orderly stop
of the parent, and outlive a `kill -9` of it.
"""

import ctypes
import os
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent `parent_pid` ends.

    The signal is SIGKILL, not SIGTERM: there is no parent any more to see to it that a stop
    ends, and what was acknowledged is on disk by then. If the parent was gone before the tie
    was made, the kernel would never send anything, so the process ends here.

    Raises OSError when the kernel refuses.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if os.getppid() != parent_pid:
        os._exit(1)


def require_main_thread(doing: str) -> None:
    """Raise RuntimeError unless called from the main thread; `doing` completes the sentence."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(f"{doing} only from the main thread: the child dies with its thread")


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    # A signal that the parent holds back would be held back here too, and never end the program.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.execv(sys.argv[2], sys.argv[2:])
