"""Texts of every kind that a memory can have, on which a derived network must prove itself."""

from __future__ import annotations

TEXTS = (
    "",
    " ",
    "\n\n",
    "x",
    "7",
    "?!",
    "Yes.",
    "The staging database listens on port 5433.",
    "Anna's birthday is on the 14th of March; she likes lilies and hates surprises.",
    "Paid the electrician 240 € in cash, receipt in the blue folder.",
    "WE MOVED THE SERVER TO THE NEW HOST ON MONDAY",
    "Dentist, Thursday 9:30, second floor, bring the X-ray.",
    "The contract runs until 31 December 2027 and renews itself unless it is cancelled in writing.",
    "My blood group is A negative.",
    "Grandmother's plum cake: 500 g plums, 200 g flour, 100 g butter, three eggs, half an hour.",
    "He said, 'I'd never have thought so' -- and then he left, didn't he?",
    "Die Heizung im Keller wird jeden Herbst entlüftet, zuerst im zweiten Stock.",
    "L'été dernier, nous avons loué une maison près de la mer à Saint-Malo.",
    "El vuelo sale a las seis de la mañana desde la terminal cuatro.",
    "Встреча перенесена на пятницу, в три часа дня.",
    "会议改到星期五下午三点，地点不变。",
    "明日の朝、駅前で会いましょう。",
    "الاجتماع يوم الخميس في الساعة العاشرة",
    "Coffee ☕ with Jo 🙂👍🏽 at the café, 10–11 o’clock",
    "naïve façade, re\u0301sume\u0301, ﬁne ligatures, ① and ½",
    "zero\u200bwidth\tand\u00a0odd \x07 characters",
    "def area(radius: float) -> float:\n    return 3.14159 * radius**2\n",
    "SELECT name, count(*) FROM orders WHERE paid = true GROUP BY name HAVING count(*) > 3;",
    '{"host": "db-7.example", "port": 5433, "tls": true, "tags": ["work", "staging"]}',
    "https://example.org/a/very/long/path?with=many&parameters=in&it=1#and-a-fragment",
    "ssh -L 5433:localhost:5432 deploy@203.0.113.9 # the tunnel to the old database",
    "0x7fff5fbff8a0 d41d8cd98f00b204e9800998ecf8427e 4111-2222 +49 30 5550 1234",
    "Donaudampfschifffahrtsgesellschaftskapitän " + "a" * 120,
    "| day | km |\n|---|---|\n| Mon | 12 |\n| Tue | 8.5 |",
    "- buy milk\n- call the landlord about the leak\n- renew the passport before June",
    "The lighthouse on the northern headland was built in 1871 of granite that came by barge from "
    "the quarries across the bay. Its lamp burned oil until 1924, when the village was connected "
    "to the mains. The last keeper, who had kept the log for thirty-one years, retired in 1978; "
    "since then a small machine turns the light, and the house below it is let to visitors.",
    "In the meeting we agreed on three things. First, the old importer is switched off at the end "
    "of the month, because nobody has used it since spring. Second, the two teams share one test "
    "environment, which Marta sets up. Third, whoever breaks the nightly build brings cake. We did "
    "not agree on the name of the new service and will vote on it next week.",
)

QUESTIONS = (
    "Which port does the staging database listen on?",
    "when is Anna's birthday",
    "",
    "Wann wird die Heizung entlüftet?",
    "会议是什么时候？",
    "what did we agree on in the meeting about the importer, the test environment and the cake, "
    "and who sets up what until when?",
)


def long_text(max_tokens: int) -> str:
    """Return a text that is longer than a model reads."""
    words = " ".join(TEXTS).split()
    return " ".join(words[number % len(words)] for number in range(2 * max_tokens))
