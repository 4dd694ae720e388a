"""The REST API: words of JSON in, the verbs of admin/ down, words of JSON out. It decides nothing.

docs/console.md says how a resource is added.
"""
