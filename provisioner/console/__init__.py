"""The console: pages for operators, and the one door through which people and programs come in. It decides nothing; admin/ does.

docs/console.md says how a page is added.
"""
