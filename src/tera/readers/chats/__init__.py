"""Exports of chat programs.

A module for each program: `whatsapp` (with its `whatsapp_headers`, `whatsapp_words`), `telegram`,
`signal` (`signal_frames`) and `slack` (`slack_files`, `slack_messages`). `exports` reads their
files; `conversations` makes drafts of the messages.
"""
