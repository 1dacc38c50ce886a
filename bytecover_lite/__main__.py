"""``python -m bytecover_lite`` is the ``bytecover`` command."""

from .cli import main

main()
