"""Reads Acrobits' Account XML: one account, or several in accounts, each with nodes that stand once and hold text.

Written from the maker's page and from published files, apart from the product; accounts count from 1.
"""

from __future__ import annotations

from tests.parsers.strict_xml import tree


def parse(body: bytes) -> dict[str, str]:
    """Return `account[1]/host` = value; raises ValueError for another root, an attribute, a node with nodes in it, or one that stands twice."""
    root = tree(body)
    if root.tag not in ("account", "accounts") or root.keys():
        raise ValueError(f"the root is {root.tag}")
    said: dict[str, str] = {}
    for number, account in enumerate([root] if root.tag == "account" else root, 1):
        if account.tag != "account" or account.keys():
            raise ValueError(f"{account.tag} has no place in accounts")
        for node in account:
            name = f"account[{number}]/{node.tag}"
            if len(node) or node.keys() or name in said:
                raise ValueError(f"{name} stands twice, or holds more than text")
            said[name] = node.text or ""
    return said
