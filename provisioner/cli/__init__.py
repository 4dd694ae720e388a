"""The commands: they translate, and ask admin. Data goes to stdout, messages to stderr.

Exit codes: 0 ok, 1 failure, 2 usage, 78 bad config (EX_CONFIG of sysexits.h), 130 Ctrl-C.
"""
