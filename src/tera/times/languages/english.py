"""The words for times in English; see `tera.times.languages.table`."""

from tera.times.languages.table import Table, numbered

ENGLISH: Table = {
    "month": numbered(
        1,
        "january, jan; february, feb; march, mar; april, apr; may; june, jun; july, jul; "
        "august, aug; september, sept, sep; october, oct; november, nov; december, dec",
    ),
    "weekday": numbered(0, "monday; tuesday; wednesday; thursday; friday; saturday; sunday"),
    "weekdays": numbered(
        0, "mondays; tuesdays; wednesdays; thursdays; fridays; saturdays; sundays"
    ),
    # Only beside another word that makes them days: sat, sun and wed are words.
    "weekday_short": numbered(0, "mon; tue, tues; wed; thu, thur, thurs; fri; sat; sun"),
    "unit": {
        "second": "second, seconds",
        "minute": "minute, minutes, min, mins",
        "hour": "hour, hours",
        "day": "day, days",
        "week": "week, weeks",
        "weekend": "weekend, weekends, week end",
        "fortnight": "fortnight, fortnights",
        "month": "month, months",
        "quarter": "quarter, quarters",
        "year": "year, years",
        "decade": "decade, decades",
        "century": "century, centuries",
    },
    "number": numbered(
        1,
        "a, an, one; two; three; four; five; six; seven; eight; nine; ten; eleven; "
        "twelve; thirteen; fourteen; fifteen; sixteen; seventeen; eighteen; nineteen",
    ),
    "tens": {
        20: "twenty",
        30: "thirty",
        40: "forty",
        50: "fifty",
        60: "sixty",
        70: "seventy",
        80: "eighty",
        90: "ninety",
    },
    "hundred": {
        100: "hundred",
    },
    "vague": {
        (1, 3): "couple, couple of, a couple, a couple of",
        (2, 6): "few, a few",
        (3, 9): "several, some",
    },
    "half": {
        0.5: "half, half a, half an",
    },
    "ordinal": {
        **numbered(
            1,
            "first; second; third; fourth; fifth; sixth; seventh; eighth; ninth; tenth; "
            "eleventh; twelfth; thirteenth; fourteenth; fifteenth; sixteenth; seventeenth; "
            "eighteenth; nineteenth; twentieth",
        ),
        30: "thirtieth",
    },
    "ago": {
        True: "ago, back",
    },
    "last": {
        True: "last, previous",
    },
    "rolling": {
        True: "past",
    },
    "rolling_after_the": {
        True: "last",
    },
    "this": {
        True: "this, current",
    },
    "next": {
        True: "next, coming, upcoming",
    },
    "from_now": {
        True: "from now, from today",
    },
    "relative_day": numbered(
        -2,
        "day before yesterday, the day before yesterday; yesterday; today; tomorrow; day "
        "after tomorrow, the day after tomorrow",
    ),
    "day_and_part": {
        (0, "evening"): "tonight",
        (-1, "night"): "last night",
    },
    "part": {
        "morning": "morning",
        "noon": "noon, midday, lunchtime",
        "afternoon": "afternoon",
        "evening": "evening",
        "night": "night",
    },
    "season": numbered(0, "spring; summer; autumn, fall; winter"),
    "holiday": {
        "christmas": "christmas, xmas",
        "christmas eve": "christmas eve",
        "christmas day": "christmas day",
        "boxing day": "boxing day",
        "new year": "new year, new years, new year s, new year s day, new years day",
        "new year's eve": "new year s eve, new years eve",
        "halloween": "halloween",
        "valentine": "valentine s day, valentines day, valentine s",
        "thanksgiving": "thanksgiving, thanksgiving day",
        "easter": "easter",
        "good friday": "good friday",
        "easter sunday": "easter sunday",
        "easter monday": "easter monday",
        "pentecost": "pentecost, whitsun",
    },
    "the": {
        True: "the",
    },
    "year_word": {
        True: "year",
    },
    "at": {
        True: ("on, in, at, during, over, within, for, throughout, around, about, of, from, as of"),
    },
    "quantity": {
        True: "over, within, throughout, for, about, around, of",
    },
    "onward": {
        True: "on, onward, onwards",
    },
    "parts": {
        True: "mornings, afternoons, evenings, nights",
    },
    "month_glue": {
        True: "of, the",
    },
    "of": {
        True: "of, in",
    },
    "since": {
        True: "since, ever since, starting",
    },
    "after": {
        True: "after",
    },
    "before": {
        True: "before, prior to",
    },
    "until": {
        True: "until, till, up to, through, by, up until, up through",
    },
    "from": {
        True: "from, over, during",
    },
    "between": {
        True: "between, in between",
    },
    "to": {
        True: "to, until, till, through, thru, up to",
    },
    "and": {
        True: "and, or",
    },
    "third": {
        0: "early, beginning of, the beginning of, start of, the start of",
        1: "mid, middle of, the middle of",
        2: "late, end of, the end of",
    },
    "finish": {
        2: "last, final",
    },
    "earlier": {
        True: "earlier, later, late, early",
    },
    "every": {
        True: "a, an, every, each, any, most, per, these, those, all",
    },
    "am": {
        "am": "am, a m",
        "pm": "pm, p m",
    },
    "o_clock": {
        True: "o clock, oclock",
    },
    "clock": {
        12: "noon, midday",
        0: "midnight",
    },
    "week_number": {
        True: "week, calendar week",
    },
}
