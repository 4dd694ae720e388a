"""XCAP as a client speaks it (RFC 4825): documents of an account that its provider keeps, such as its contacts.

It takes values and gives values, and knows no store.
"""
