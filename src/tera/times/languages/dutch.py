"""The words for times in Dutch; see `tera.times.languages.table`."""

from tera.times.languages.table import Table, numbered

DUTCH: Table = {
    "month": numbered(
        1,
        "januari, jan; februari, feb; maart, mrt; april, apr; mei; juni, jun; juli, jul; "
        "augustus, aug; september, sept, sep; oktober, okt; november, nov; december, dec",
    ),
    "weekday": numbered(0, "maandag; dinsdag; woensdag; donderdag; vrijdag; zaterdag; zondag"),
    "unit": {
        "minute": "minuut, minuten",
        "hour": "uur, uren",
        "day": "dag, dagen",
        "week": "week, weken",
        "weekend": "weekend, weekeinde, weekends",
        "month": "maand, maanden",
        "quarter": "kwartaal, kwartalen",
        "year": "jaar, jaren",
        "decade": "decennium, decennia",
        "century": "eeuw, eeuwen",
    },
    "number": {
        **numbered(
            1,
            "een; twee; drie; vier; vijf; zes; zeven; acht; negen; tien; elf; twaalf",
        ),
        14: "veertien",
    },
    "vague": {
        (1, 3): "een paar, paar",
        (2, 6): "enkele, enige",
        (3, 9): "verschillende",
    },
    "half": {
        0.5: "half, een half",
    },
    "ordinal": numbered(1, "eerste; tweede; derde; vierde; vijfde"),
    "ago": {
        True: "geleden, terug",
    },
    "last": {
        True: "vorige, vorig, laatste, verleden",
    },
    "rolling": {
        True: "afgelopen, voorbije",
    },
    "second_last": {
        True: "eergisteren week, voorlaatste",
    },
    "this": {
        True: "deze, dit",
    },
    "next": {
        True: "volgende, volgend, komende, aanstaande",
    },
    "relative_day": numbered(-2, "eergisteren; gisteren; vandaag; morgen; overmorgen"),
    "day_and_part": {
        (0, "morning"): "vanochtend, vanmorgen",
        (0, "afternoon"): "vanmiddag",
        (0, "evening"): "vanavond",
        (-1, "night"): "vannacht",
        (-1, "evening"): "gisteravond, gisterenavond",
        (-1, "morning"): "gisterochtend, gistermorgen, gisterenochtend",
        (-1, "afternoon"): "gistermiddag, gisterenmiddag",
    },
    "part": {
        "morning": "ochtend, morgen, voormiddag",
        "afternoon": "middag, namiddag",
        "evening": "avond",
        "night": "nacht",
    },
    "season": numbered(0, "lente, voorjaar; zomer; herfst, najaar; winter"),
    "holiday": {
        "christmas": "kerst, kerstmis, kerstdagen",
        "christmas eve": "kerstavond",
        "new year": "nieuwjaar, nieuwjaarsdag",
        "new year's eve": "oudejaarsavond, oudjaar, oud en nieuw",
        "easter": "pasen",
        "pentecost": "pinksteren",
        "valentine": "valentijnsdag",
        "sinterklaas": "sinterklaas",
    },
    "the": {
        True: "de, het",
    },
    "year_word": {
        True: "jaar",
    },
    "at": {
        True: "op, in, om, tijdens, gedurende, van, met, rond, aan",
    },
    "of": {
        True: "van, van de, in, van het",
    },
    "month_glue": {
        True: "van",
    },
    "since": {
        True: "sinds, vanaf, sedert",
    },
    "after": {
        True: "na",
    },
    "before": {
        True: "voor",
    },
    "until": {
        True: "tot, tot en met",
    },
    "from": {
        True: "van, vanaf",
    },
    "between": {
        True: "tussen",
    },
    "to": {
        True: "tot, tot en met, t m",
    },
    "and": {
        True: "en, of",
    },
    "third": {
        0: "begin, begin van, het begin van",
        1: "midden, half, midden van",
        2: "eind, einde, eind van, het eind van, einde van",
    },
    "every": {
        True: "elke, iedere, een",
    },
    "o_clock": {
        True: "uur",
    },
}
