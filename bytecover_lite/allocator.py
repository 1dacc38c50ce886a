"""Memory that a training step frees and the next one asks for again (chapter "Training")."""

import ctypes

# Parameters of mallopt(3): how many requests get pages of their own; how much freed memory at the
# end of the heap is given back; how much more than needed the heap grows by.
_MMAP_MAX, _TRIM_THRESHOLD, _TOP_PAD = -4, -1, -2
_LARGEST = 2**31 - 1


def keep_freed_memory():
    """Tell the C library to keep freed memory for the next request of this process.

    The layers of a network ask for the same large arrays at every step. By default glibc has the
    system map each of them anew and gives it back when it is freed, so that every page is cleared
    by the system again and again.

    Returns
    -------
    bool
        Whether there was something to tell: True with glibc (Linux), False elsewhere.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return False
    told = [mallopt(_MMAP_MAX, 0), mallopt(_TRIM_THRESHOLD, _LARGEST), mallopt(_TOP_PAD, 1 << 28)]
    return all(told)
