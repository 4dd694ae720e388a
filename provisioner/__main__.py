"""python -m provisioner"""

from __future__ import annotations

from provisioner.cli.root import cli


def main() -> None:
    """Run the command line."""
    cli.main()


if __name__ == "__main__":
    main()
