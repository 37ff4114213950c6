"""The words for times in Portuguese; see `tera.times.languages.table`."""

from tera.times.languages.table import Table, numbered

PORTUGUESE: Table = {
    "month": numbered(
        1,
        "janeiro; fevereiro; marco; abril; maio; junho; julho; agosto; setembro; outubro; "
        "novembro; dezembro",
    ),
    "weekday": numbered(
        0,
        "segunda feira; terca feira; quarta feira; quinta feira; sexta feira; sabado; domingo",
    ),
    "weekday_short": numbered(0, "segunda; terca; quarta; quinta; sexta"),
    "unit": {
        "minute": "minuto, minutos",
        "hour": "hora, horas",
        "day": "dia, dias",
        "week": "semana, semanas",
        "weekend": "fim de semana, fins de semana",
        "month": "mes, meses",
        "quarter": "trimestre, trimestres",
        "year": "ano, anos",
        "decade": "decada, decadas",
        "century": "seculo, seculos",
    },
    "number": {
        **numbered(
            1,
            "um, uma; dois, duas; tres; quatro; cinco; seis; sete; oito; nove; dez; onze; doze",
        ),
        15: "quinze",
    },
    "vague": {
        (1, 3): "um par de",
        (2, 6): "alguns, algumas, poucos, poucas, uns, umas",
    },
    "ordinal": {
        1: "primeiro, primeira",
        2: "segundo, segunda",
        3: "terceiro, terceira",
    },
    "ago": {
        True: "atras",
    },
    "ago_before": {
        True: "ha, faz",
    },
    "last_after": {
        True: "passado, passada, passados, passadas, anterior",
    },
    "rolling": {
        True: "ultimo, ultima, ultimos, ultimas",
    },
    "last": {
        True: "ultimo, ultima",
    },
    "second_last": {
        True: "penultima, penultimo",
    },
    "this": {
        True: "este, esta, neste, nesta, esse, essa, nesse, nessa, deste, desta",
    },
    "next": {
        True: "proximo, proxima, proximos, proximas",
    },
    "next_after": {
        True: "que vem, proximo, proxima",
    },
    "relative_day": numbered(-2, "anteontem; ontem; hoje; amanha; depois de amanha"),
    "part": {
        "morning": "manha",
        "noon": "meio dia",
        "afternoon": "tarde",
        "night": "noite",
    },
    "season": numbered(0, "primavera; verao; outono; inverno"),
    "holiday": {
        "christmas": "natal",
        "christmas eve": "vespera de natal",
        "new year": "ano novo",
        "new year's eve": "reveillon, vespera de ano novo",
        "easter": "pascoa",
    },
    "the": {
        True: "o, a, os, as, do, da",
    },
    "year_word": {
        True: "ano",
    },
    "at": {
        True: ("em, no, na, nos, nas, a, as, ao, durante, de, do, da, pela, por volta de, o, para"),
    },
    "of": {
        True: "de, do, da, em, no",
    },
    "month_glue": {
        True: "de, do",
    },
    "since": {
        True: "desde, desde o, desde a, a partir de",
    },
    "after": {
        True: "depois de, depois do, apos, apos o",
    },
    "before": {
        True: "antes de, antes do, antes da",
    },
    "until": {
        True: "ate, ate o, ate a, ate ao",
    },
    "from": {
        True: "de, do, da, desde, desde o",
    },
    "between": {
        True: "entre, entre o",
    },
    "to": {
        True: "a, ao, ate, ate o, ate ao",
    },
    "and": {
        True: "e, ou, e o",
    },
    "third": {
        0: "inicio de, no inicio de, no inicio do, comeco de, no comeco de",
        1: "meados de, em meados de",
        2: "fim de, no fim de, no final de, final de, no final do",
    },
    "every": {
        True: "cada, todo, todos, um",
    },
}
