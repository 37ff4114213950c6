"""The words for times in Spanish; see `tera.times.languages.table`."""

from tera.times.languages.table import Table, numbered

SPANISH: Table = {
    "month": numbered(
        1,
        "enero; febrero; marzo; abril; mayo; junio; julio; agosto; septiembre, setiembre; "
        "octubre; noviembre; diciembre",
    ),
    "weekday": numbered(0, "lunes; martes; miercoles; jueves; viernes; sabado; domingo"),
    "unit": {
        "minute": "minuto, minutos",
        "hour": "hora, horas",
        "day": "dia, dias",
        "week": "semana, semanas",
        "weekend": "fin de semana, fines de semana, finde",
        "month": "mes, meses",
        "quarter": "trimestre, trimestres",
        "year": "ano, anos",
        "decade": "decada, decadas",
        "century": "siglo, siglos",
    },
    "number": {
        **numbered(
            1,
            "un, una, uno; dos; tres; cuatro; cinco; seis; siete; ocho; nueve; diez; once; doce",
        ),
        15: "quince",
    },
    "vague": {
        (1, 3): "un par de",
        (2, 6): "unos pocos, unos, unas, algunos, algunas, pocos",
    },
    "ordinal": {
        1: "primer, primera, primero",
        2: "segunda, segundo",
        3: "tercer, tercera",
    },
    "ago_before": {
        True: "hace",
    },
    "last_after": {
        True: "pasado, pasada, pasados, pasadas, anterior",
    },
    "rolling": {
        True: "ultimo, ultima, ultimos, ultimas",
    },
    "second_last": {
        True: "penultima, penultimo",
    },
    "this": {
        True: "este, esta, estos, estas",
    },
    "next": {
        True: "proximo, proxima, proximos, proximas",
    },
    "next_after": {
        True: "que viene, proximo, proxima",
    },
    "relative_day": numbered(
        -2, "anteayer, antes de ayer, antier; ayer; hoy; manana; pasado manana"
    ),
    "day_and_part": {
        (-1, "night"): "anoche",
        (0, "night"): "esta noche",
    },
    "part": {
        "morning": "manana",
        "noon": "mediodia",
        "afternoon": "tarde",
        "night": "noche",
    },
    "season": numbered(0, "primavera; verano; otono; invierno"),
    "holiday": {
        "christmas": "navidad, navidades",
        "christmas eve": "nochebuena",
        "new year": "ano nuevo",
        "new year's eve": "nochevieja",
        "easter": "semana santa, pascua",
        "valentine": "san valentin",
    },
    "the": {
        True: "el, la, los, las, del",
    },
    "year_word": {
        True: "ano",
    },
    "at": {
        True: "en, a, al, por, durante, de, el, del, para, sobre, hacia",
    },
    "month_glue": {
        True: "de, del",
    },
    "of": {
        True: "de, del, de la, en, de este",
    },
    "since": {
        True: "desde, desde el, a partir de",
    },
    "after": {
        True: "despues de, despues del, tras",
    },
    "before": {
        True: "antes de, antes del",
    },
    "until": {
        True: "hasta, hasta el",
    },
    "from": {
        True: "de, del, desde, desde el",
    },
    "between": {
        True: "entre",
    },
    "to": {
        True: "a, al, hasta, hasta el",
    },
    "and": {
        True: "y, e, o",
    },
    "third": {
        0: "a principios de, principios de, a comienzos de, inicios de",
        1: "a mediados de, mediados de",
        2: "a finales de, finales de, a fines de, fines de",
    },
    "every": {
        True: "cada, todos, los, un",
    },
}
