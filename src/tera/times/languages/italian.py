"""The words for times in Italian; see `tera.times.languages.table`."""

from tera.times.languages.table import Table, numbered

ITALIAN: Table = {
    "month": numbered(
        1,
        "gennaio; febbraio; marzo; aprile; maggio; giugno; luglio; agosto; settembre; "
        "ottobre; novembre; dicembre",
    ),
    "weekday": numbered(0, "lunedi; martedi; mercoledi; giovedi; venerdi; sabato; domenica"),
    "unit": {
        "minute": "minuto, minuti",
        "hour": "ora, ore",
        "day": "giorno, giorni",
        "week": "settimana, settimane",
        "weekend": "fine settimana, weekend, week end",
        "month": "mese, mesi",
        "quarter": "trimestre, trimestri",
        "year": "anno, anni",
        "decade": "decennio, decenni",
        "century": "secolo, secoli",
    },
    "number": numbered(
        1,
        "un, una, uno; due; tre; quattro; cinque; sei; sette; otto; nove; dieci; undici; dodici",
    ),
    "vague": {
        (1, 3): "un paio di",
        (2, 6): "qualche, pochi, poche, alcuni, alcune",
    },
    "ordinal": {
        1: "primo, prima",
        2: "secondo, seconda",
        3: "terzo, terza",
    },
    "ago": {
        True: "fa, or sono",
    },
    "last_after": {
        True: "scorso, scorsa, scorsi, scorse, passato, passata, passati, passate",
    },
    "last": {
        True: "scorso, scorsa, scorsi, scorse",
    },
    "rolling": {
        True: "ultimo, ultima, ultimi, ultime",
    },
    "second_last": {
        True: "penultima, penultimo",
    },
    "this": {
        True: "questo, questa, quest",
    },
    "next": {
        True: "prossimo, prossima, prossimi, prossime",
    },
    "next_after": {
        True: "prossimo, prossima",
    },
    "relative_day": numbered(
        -2, "l altro ieri, altro ieri, avantieri; ieri; oggi; domani; dopodomani"
    ),
    "day_and_part": {
        (0, "morning"): "stamattina, stamani",
        (0, "evening"): "stasera",
        (0, "night"): "stanotte",
    },
    "part": {
        "morning": "mattina, mattino",
        "noon": "mezzogiorno",
        "afternoon": "pomeriggio",
        "evening": "sera",
        "night": "notte",
    },
    "season": numbered(0, "primavera; estate; autunno; inverno"),
    "holiday": {
        "christmas": "natale",
        "christmas eve": "vigilia di natale",
        "new year": "capodanno",
        "new year's eve": "san silvestro",
        "easter": "pasqua",
        "easter monday": "pasquetta",
        "valentine": "san valentino",
    },
    "the": {
        True: "il, lo, la, i, gli, le, l",
    },
    "year_word": {
        True: "anno",
    },
    "at": {
        True: (
            "a, ad, in, nel, nella, nei, negli, nello, nell, durante, di, del, della, alle, "
            "al, alla, il, per, verso"
        ),
    },
    "of": {
        True: "di, del, della, dell, dello, in, nel",
    },
    "month_glue": {
        True: "di, del",
    },
    "since": {
        True: "da, dal, dalla, dall, a partire da, a partire dal",
    },
    "after": {
        True: "dopo, dopo il",
    },
    "before": {
        True: "prima di, prima del, prima della",
    },
    "until": {
        True: "fino a, fino al, fino alla, entro, entro il",
    },
    "from": {
        True: "da, dal, dalla, dall",
    },
    "between": {
        True: "tra, fra, tra il, fra il",
    },
    "to": {
        True: "a, al, ad, alla, fino a, fino al",
    },
    "and": {
        True: "e, ed, o, e il",
    },
    "third": {
        0: "inizio, all inizio di, all inizio del, inizi di, ai primi di",
        1: "meta, a meta, alla meta di",
        2: "fine, alla fine di, alla fine del",
    },
    "every": {
        True: "ogni, ciascun, un",
    },
}
