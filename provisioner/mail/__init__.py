"""A provider's e-mail: bytes in, the accounts that it tells of out. It knows nothing of the store.

`message` reads MIME and HTML as lines, `labels` knows what fields are called in many languages,
`pairs` finds which words say which field, `values` reads each value, `accounts` puts them together
and says what is to be asked. Nothing of a mail is kept.
"""
