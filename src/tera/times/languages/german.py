"""The words for times in German; see `tera.times.languages.table`."""

from tera.times.languages.table import Table, numbered

GERMAN: Table = {
    "month": numbered(
        1,
        "januar, janner, jan; februar, feber, feb; marz, maerz; april, apr; mai; juni; "
        "juli; august, aug; september, sept, sep; oktober, okt; november, nov; dezember, "
        "dez",
    ),
    "weekday": numbered(
        0,
        "montag; dienstag; mittwoch; donnerstag; freitag; samstag, sonnabend; sonntag",
    ),
    "unit": {
        "minute": "minute, minuten",
        "hour": "stunde, stunden",
        "day": "tag, tage, tagen, tages",
        "week": "woche, wochen",
        "weekend": "wochenende, wochenenden, wochenendes",
        "month": "monat, monate, monaten, monats",
        "quarter": "quartal, quartals, quartale, quartalen",
        "year": "jahr, jahre, jahren, jahres",
        "decade": "jahrzehnt, jahrzehnte, jahrzehnten, jahrzehnts",
        "century": "jahrhundert, jahrhunderts",
    },
    "number": {
        **numbered(
            1,
            "ein, eine, einem, einer, einen, eins; zwei; drei; vier; funf; sechs; sieben; "
            "acht; neun; zehn; elf; zwolf",
        ),
        14: "vierzehn",
    },
    "vague": {
        (2, 6): "ein paar, paar, wenigen, wenige",
        (3, 9): "einige, einigen, mehreren",
    },
    "half": {
        0.5: "halben, halbe, einem halben, einer halben",
    },
    "ordinal": numbered(
        1,
        "erste, ersten, erster, erstes; zweite, zweiten, zweites; dritte, dritten, "
        "drittes; vierte, vierten, viertes; funfte, funften",
    ),
    "ago_before": {
        True: "vor",
    },
    "last": {
        True: (
            "letzte, letzten, letzter, letztes, letztem, vorige, vorigen, voriges, voriger, "
            "vergangene, vergangenen, vergangenes, vergangener"
        ),
    },
    "second_last": {
        True: "vorletzte, vorletzten, vorletztes, vorletzter",
    },
    "this": {
        True: "diese, diesen, dieser, dieses, diesem",
    },
    "next": {
        True: (
            "nachste, nachsten, nachster, nachstes, nachstem, kommende, kommenden, kommendes, "
            "kommender"
        ),
    },
    "relative_day": numbered(-2, "vorgestern; gestern; heute; morgen; ubermorgen, uebermorgen"),
    "day_and_part": {
        (-1, "night"): "letzte nacht, heute nacht",
    },
    "part": {
        "morning": "morgen, vormittag, fruh, morgens",
        "noon": "mittag, mittags",
        "afternoon": "nachmittag, nachmittags",
        "evening": "abend, abends",
        "night": "nacht, nachts",
    },
    "season": numbered(
        0,
        "fruhling, fruhjahr; sommer, sommers; herbst, herbstes; winter, winters",
    ),
    "holiday": {
        "christmas": "weihnachten",
        "christmas eve": "heiligabend, heilig abend, heiligen abend",
        "new year": "neujahr",
        "new year's eve": "silvester",
        "easter": "ostern",
        "good friday": "karfreitag",
        "easter monday": "ostermontag",
        "pentecost": "pfingsten",
    },
    "the": {
        True: "der, die, das, dem, den, des",
    },
    "year_word": {
        True: "jahr, jahre, jahres",
    },
    "at": {
        True: "am, im, in, an, um, zu, wahrend, ubers, uber, vom, von",
    },
    "of": {
        True: "des, der, im, vom, von, in",
    },
    "month_glue": {
        True: "im",
    },
    "since": {
        True: "seit, ab",
    },
    "after": {
        True: "nach",
    },
    "before": {
        True: "vor",
    },
    "until": {
        True: "bis, bis zum, bis zu",
    },
    "from": {
        True: "vom, von, ab",
    },
    "between": {
        True: "zwischen",
    },
    "to": {
        True: "bis, bis zum",
    },
    "and": {
        True: "und, oder",
    },
    "third": {
        0: "anfang, beginn, zu beginn des",
        1: "mitte",
        2: "ende",
    },
    "earlier": {
        True: "fruher, spater",
    },
    "every": {
        True: "jeden, jede, jedes, einen, einem",
    },
    "o_clock": {
        True: "uhr",
    },
    "week_number": {
        True: "kw, kalenderwoche, woche",
    },
}
