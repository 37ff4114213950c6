"""The words for times in French; see `tera.times.languages.table`."""

from tera.times.languages.table import Table, numbered

FRENCH: Table = {
    "month": numbered(
        1,
        "janvier, janv; fevrier, fevr; mars; avril, avr; mai; juin; juillet, juil; aout; "
        "septembre, sept; octobre, oct; novembre, nov; decembre, dec",
    ),
    "weekday": numbered(0, "lundi; mardi; mercredi; jeudi; vendredi; samedi; dimanche"),
    "unit": {
        "minute": "minute, minutes",
        "hour": "heure, heures",
        "day": "jour, jours",
        "week": "semaine, semaines",
        "weekend": "week end, weekend, week ends",
        "month": "mois",
        "quarter": "trimestre, trimestres",
        "year": "an, ans, annee, annees",
        "century": "siecle, siecles",
    },
    "number": {
        **numbered(
            1,
            "un, une; deux; trois; quatre; cinq; six; sept; huit; neuf; dix; onze; douze",
        ),
        15: "quinze",
    },
    "vague": {
        (2, 6): "quelques",
        (3, 9): "plusieurs",
    },
    "ordinal": numbered(1, "premier, premiere; deuxieme, second; troisieme; quatrieme"),
    "ago_before": {
        True: "il y a, y a, ca fait",
    },
    "last_after": {
        True: "dernier, derniere, derniers, dernieres, passe, passee, passes, precedent",
    },
    "rolling": {
        True: "dernier, derniere, derniers, dernieres",
    },
    "second_last": {
        True: "avant derniere, avant dernier",
    },
    "this": {
        True: "ce, cet, cette, ces",
    },
    "next_after": {
        True: "prochain, prochaine, prochains, prochaines, suivant",
    },
    "next": {
        True: "prochain, prochaine, prochains, prochaines",
    },
    "relative_day": numbered(-2, "avant hier; hier; aujourd hui; demain; apres demain"),
    "day_and_part": {
        (-1, "night"): "cette nuit, la nuit derniere",
    },
    "part": {
        "morning": "matin, matinee",
        "noon": "midi",
        "afternoon": "apres midi",
        "evening": "soir, soiree",
        "night": "nuit",
    },
    "season": numbered(0, "printemps; ete; automne; hiver"),
    "holiday": {
        "christmas": "noel, a noel",
        "christmas eve": "veille de noel",
        "new year": "nouvel an, jour de l an",
        "new year's eve": "saint sylvestre, reveillon",
        "easter": "paques, a paques",
        "easter monday": "lundi de paques",
        "pentecost": "pentecote",
        "valentine": "saint valentin",
    },
    "the": {
        True: "le, la, les, l, du, des",
    },
    "year_word": {
        True: "annee",
    },
    "at": {
        True: "en, au, dans, pendant, durant, au cours de, au cours du, d, de, du, aux, vers",
    },
    "month_glue": {
        True: "de",
    },
    "of": {
        True: "de, du, de la, de l, d, en, des",
    },
    "since": {
        True: "depuis, a partir de, a partir du, des",
    },
    "after": {
        True: "apres",
    },
    "before": {
        True: "avant",
    },
    "until": {
        True: "jusqu a, jusqu au, jusqu en",
    },
    "from": {
        True: "de, du, depuis",
    },
    "between": {
        True: "entre",
    },
    "to": {
        True: "a, au, jusqu a, jusqu au",
    },
    "and": {
        True: "et, ou",
    },
    "third": {
        0: "debut, au debut de, au debut du",
        1: "mi, milieu, au milieu de, au milieu du",
        2: "fin, a la fin de, a la fin du",
    },
    "at_clock": {
        True: "a",
    },
    "every": {
        True: "chaque, tous, un",
    },
    "o_clock": {
        True: "heures, heure, h",
    },
}
