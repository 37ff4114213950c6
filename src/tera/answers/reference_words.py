"""The words by which a question leans on what was said before, by language; folded.

They have no case and no accents, as `tera.times.words.fold` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class ReferenceWords:
    """The words of one language.

    Attributes:
        openers: What a question begins with that goes on: "and", "what about"; longest first.
        asking: Question words.
        auxiliaries: Verbs that a question begins with, and that say nothing of what it is about.
        persons: They point at a person.
        owners: They point at whose something is.
        own: What replaces one of these as a fragment: "mine" stands for "my".
        things: They point at a thing, or at all that was said.
        pointing: They point at the thing named behind them: "that hotel".
        places: They point at a place.
        vague: They are no content: "else", "one", "exactly".
        leaning: Of those, the ones that lean on something.
        articles: They begin a noun with its adjectives.
        prepositions: They begin a fragment like "in Porto".
        subjects: Who asks, and whom.
        small: The other words without content.
    """

    openers: tuple[tuple[str, ...], ...]
    asking: frozenset[str]
    auxiliaries: frozenset[str]
    persons: frozenset[str]
    owners: frozenset[str]
    own: Mapping[str, str]
    things: frozenset[str]
    pointing: frozenset[str]
    places: frozenset[str]
    vague: frozenset[str]
    leaning: frozenset[str]
    articles: frozenset[str]
    prepositions: frozenset[str]
    subjects: frozenset[str]
    small: frozenset[str]

    @property
    def empty(self) -> frozenset[str]:
        """All words that say nothing of what a question is about."""
        return (
            self.asking
            | self.auxiliaries
            | self.persons
            | self.owners
            | self.own.keys()
            | self.things
            | self.pointing
            | self.places
            | self.vague
            | self.leaning
            | self.articles
            | self.prepositions
            | self.subjects
            | self.small
        )


_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "openers": "and what about, and how about, what about, how about, and also, and, but, so",
        "asking": "what when where who whom whose which why how",
        "auxiliaries": """
            is are was were am be been being do does did done doing have has had having can could
            will would shall should might must go goes going went gone get got come came take
            takes took happen happened happens tell told say said know knew called use used
        """,
        "persons": "he him she they them",
        "owners": "his her hers their theirs its",
        "own": "mine my, ours our, yours your",
        "things": "it itself this that these those then",
        "pointing": "this that these those such",
        "places": "there",
        "vague": """
            exactly more again too also just only really about please ok okay well yes no not
            something anything everything thing things stuff much many long often far old lot year
            years day days time times ago
        """,
        "leaning": "else other others another same one ones both latter former",
        "articles": "the a an my our your",
        "prepositions": """
            in on at for with by from to of into onto over under near behind after before during
            since until without as
        """,
        "subjects": "i me we us you myself",
        "small": """
            and but or so if than because s t re ll d ve m there's some any all
        """,
    },
    "de": {
        "openers": """
            und was ist mit, und wie ist es mit, und wie sieht es mit, was ist mit, wie ist es mit,
            wie sieht es mit, und, aber
        """,
        "asking": """
            wer wen wem wessen was wann wo woher wohin wie warum weshalb wieso wozu welche welcher
            welches welchen welchem wieviel wieviele womit worum wofur wovon woran
        """,
        "auxiliaries": """
            ist sind war waren bin bist sein gewesen hat haben habe hatte hatten hast habt wird
            werden wurde wurden worden kann konnen konnte konnten muss mussen musste soll sollen
            will wollen wollte macht machen gemacht geht ging gegangen gibt gab heisst hiess kommt
            kam passiert
        """,
        "persons": "er ihn ihm sie ihnen",
        "owners": "sein seine seinem seinen seiner seines ihr ihre ihrem ihren ihrer ihres",
        "own": "meiner mein, meine meine, meins mein, unserer unser, unsere unsere, unseres unser",
        "things": """
            es das dies davon dafur damit dazu daruber daran darin darauf danach davor dabei
            dagegen deshalb dann
        """,
        "pointing": "dieser diese dieses diesem diesen jener jene jenes jenem jenen",
        "places": "dort dorthin da",
        "vague": "genau mehr noch auch nur denn eigentlich bitte so viel viele lange oft weit",
        "leaning": "andere anderen anderer anderes anderem gleiche gleichen beide beiden sonst",
        "articles": """
            der die das den dem des ein eine einen einem einer eines mein meine meinen meinem
            unser unsere unseren unserem
        """,
        "prepositions": """
            in im an am auf aus bei beim mit nach von vom zu zum zur fur um uber unter vor seit bis
            ohne gegen wegen
        """,
        "subjects": "ich mich mir wir uns du dich dir man euch",
        "small": """
            und aber oder wenn als nicht kein keine jahr jahre
            uhr mal hin
        """,
    },
    "fr": {
        "openers": """
            et qu en est il de, qu en est il de, et pour, et que dire de, et, mais
        """,
        "asking": """
            qui que quoi quand ou comment pourquoi quel quelle quels quelles combien lequel
            laquelle lesquels
        """,
        "auxiliaries": """
            est sont etait etaient suis es ete etre ai as a avons avez ont avait avaient eu avoir
            fait font faire faisait peut peux pouvons pouvait doit va vont aller alle allee passe
            dit sera
        """,
        "persons": "il ils lui elle elles eux",
        "owners": "son sa ses leur leurs",
        "own": "mien mon, mienne ma, notre notre",
        "things": "ca cela ceci celui celle ceux celles c y en",
        "pointing": "ce cet cette ces",
        "places": "la-bas bas",
        "vague": "exactement plus encore aussi donc bien seulement longtemps fois",
        "leaning": "autre autres meme memes",
        "articles": "le la les l un une des mon ma mes notre nos",
        "prepositions": """
            a au aux en dans de du d avec pour par sur sous chez vers sans depuis avant apres
            pendant
        """,
        "subjects": "je j nous vous tu on me m te t",
        "small": "et mais ou se s n ne pas qu que si mes il-y an ans",
    },
    "es": {
        "openers": "y que hay de, que hay de, y que tal, y que pasa con, y, pero",
        "asking": """
            que quien quienes cuando donde adonde como cual cuales cuanto cuanta cuantos cuantas
            por-que
        """,
        "auxiliaries": """
            es son era eran fue fueron ser sido esta estan estaba estar he ha han hemos habia haber
            hay hizo hice hicimos hace hacer tiene tienen tenia puede pueden va van fuimos ir paso
        """,
        "persons": "ella ellos ellas",
        "owners": "su sus suyo suya",
        "own": "mio mi, mia mi, nuestro nuestro",
        "things": "eso esto aquello ello entonces",
        "pointing": "ese esa esos esas este aquel aquella",
        "places": "alli alla ahi",
        "vague": "exactamente mas tambien solo mucho muchos tiempo",
        "leaning": "otro otra otros otras mismo misma",
        "articles": "el la los las un una unos unas mi mis nuestro nuestra",
        "prepositions": """
            a al en de del con para por sobre desde hasta sin antes despues durante
        """,
        "subjects": "yo nosotros me nos te tu",
        "small": "y e o pero se lo le les no o si quien ano anos",
    },
}


@cache
def reference_words(language: str) -> ReferenceWords:
    """Return the words of a language; those of English for one that is not here."""
    table = _WORDS.get(language, _WORDS["en"])
    own = [pair.split() for pair in table["own"].split(",")]
    openers = (tuple(words.split()) for words in table["openers"].split(","))
    sets = {
        name: frozenset(words.split())
        for name, words in table.items()
        if name not in ("openers", "own")
    }
    return ReferenceWords(
        openers=tuple(sorted(openers, key=len, reverse=True)),
        own={pair[0]: pair[1] for pair in own},
        **sets,
    )
