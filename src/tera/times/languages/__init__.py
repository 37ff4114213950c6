"""The words for times in seven languages, by what they mean; read by `tera.times.words`."""
