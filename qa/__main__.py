"""`python -m qa` is the `qa` command, with what has to be set right before anything is imported."""

import os
import signal

# Until a command runs, Ctrl-C just ends the program: there is nothing to tell, and Python would
# show where it was.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
# A file opened later must not become the standard output or error that is closed: libraries write
# there.
for descriptor in range(3):
    try:
        os.fstat(descriptor)
    except OSError:
        os.open(os.devnull, os.O_RDWR)

from qa.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
