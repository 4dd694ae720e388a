"""SIP as a client speaks it: one question and its answer, over UDP, TCP or TLS.

It proves accounts (register.py) and asks phones to read their files (notify.py). It takes values, returns
values and knows no store. Messages are parsed by the package sipmessage.
"""
