"""The TFTP door: one loop, one table of transfers, and no packet that ends it."""

from provisioner.tftp.loop import Asker, Done, Limits, Loop, open_socket

__all__ = ["Asker", "Done", "Limits", "Loop", "open_socket"]
