"""Recordings, videos and subtitles.

`speech` reads recordings: `sound` decodes them, `whisper` or `sphinx` writes down what is said, or
`captions` has it from a video. `subtitles` reads files of their own; `cues` takes the formatting
off both. `timed` makes drafts of what is said when.
"""
