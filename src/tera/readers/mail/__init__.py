"""Mail, and what else mail programs keep: calendars and address books.

`mail` reads files: one mail, or a `mailbox` of many. Of each, `message` makes a memory from its
`headers`, its `parts`, and without its `quotes`; `html` writes an HTML part as text, `charset`
decodes it. `calendar` and `contacts` read files of `blocks` (BEGIN ... END).
"""
