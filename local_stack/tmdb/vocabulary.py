"""Vocabulary of generated films: titles in several languages, and people's names."""

from __future__ import annotations

from typing import Final, NamedTuple


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(text.split()).split(", "))


ADJECTIVES: Final = _words("""
    amber ancient bitter black blind blue bold borrowed brave bright broken burning calm careless
    clever cold common cracked crimson cruel crystal dark dead deep distant double drowned empty
    endless eternal faded fallen familiar fatal final first foreign forgotten fragile frozen gentle
    ghostly gilded glass golden grand green grey hidden hollow honest hungry idle immortal infinite
    innocent invisible iron ivory jealous kind last late little lonely long lost lucky mad marble
    midnight modern mortal naked narrow nervous new noble northern old open ordinary painted pale
    paper patient perfect plain private proud quiet rare reckless red restless rising rough royal
    ruined sacred savage scarlet secret seventh shallow sharp silent silver simple sleeping slow
    small solemn southern stolen strange sudden summer sunken sweet tender terrible thin third tired
    torn troubled true twisted unseen velvet violent wandering warm weary western white wicked wild
    winter wooden wrong yellow young
""")
NOUNS: Final = _words("""
    acrobat affair alibi anchor angel answer apprentice archive arrow ashes aunt autumn bakery
    ballad bandit bargain baron beacon bell blossom border boy bridge brother butcher cabin candle
    captain caravan carnival castle cathedral cellar chess child choir circus city clock cloud coast
    colonel comet compass confession copper corridor court cousin cradle crow crown dancer daughter
    dawn debt desert detective devil diamond doctor dog door dream drum duel eagle echo eclipse edge
    empire engine envelope escape estate evening exile fable factory falcon farewell farmer father
    feather ferry festival fever field fire fisherman flame flight flood forest fortune fountain fox
    frontier funeral garden gardener gate general ghost giant girl glacier glove gold grave guest
    guitar hammer harbour harvest hawk heart heir highway hill horizon horse hotel hour house hunter
    husband island jester journey judge jungle jury key king kingdom kitchen knife ladder lady lake
    lamp language lantern lawyer letter library lie light lighthouse lion lover machine magician
    mansion map market marriage mask master meadow melody memory merchant message mill miner mirror
    monk monster moon morning mother mountain museum neighbour nephew night nurse oath ocean opera
    orchard orphan owl palace parade passage passenger path piano pilgrim pilot pirate planet poet
    portrait prayer president priest prince princess prison promise puppet queen question rain raven
    rebel river road rooftop rose saint sailor school sculptor sea season shadow shepherd ship shore
    sister sky snow soldier son song spider spring spy stable stage star station storm story
    stranger street student summit sun surgeon swan sword tailor teacher temple theatre thief
    thunder tide tiger tower town train traitor treasure tree trial tunnel twin umbrella uncle
    valley victim village violin visitor voice voyage wall war watchmaker water wedding whale wheel
    whisper widow wife wind window wing winter witness wolf woman wood world writer year
""")
PLACES: Final = _words("""
    Aberdeen Accra Adelaide Algiers Antwerp Athens Bangkok Basel Beirut Bergen Bilbao Bologna Boston
    Bremen Brisbane Bruges Budapest Cairo Calcutta Casablanca Cork Corsica Cracow Dakar Damascus
    Dresden Dublin Durban Fez Florence Galway Geneva Genoa Ghent Glasgow Granada Halifax Hamburg
    Hanoi Havana Helsinki Innsbruck Istanbul Jakarta Kyoto Lagos Leeds Lima Lisbon Ljubljana Lyon
    Madras Malaga Manila Marseille Memphis Milan Minsk Mombasa Montreal Nairobi Nantes Naples Nevada
    Odessa Osaka Oslo Palermo Porto Prague Quebec Riga Rotterdam Salzburg Seville Sofia Tangier
    Tbilisi Toledo Trieste Tunis Turin Utrecht Valencia Venice Verona Vienna Vilnius Warsaw York
    Zagreb Zanzibar
""")
FIRST_NAMES: Final = _words("""
    Adele Agnes Ahmed Albert Alice Amara Anders Anna Anton Arthur Astrid Beatriz Ben Boris Camille
    Carlos Cecilia Chen Clara Daniel Daria David Diego Edith Elena Emil Emma Erik Esther Eva Fatima
    Felix Frank Gabriel George Grace Hana Hannah Harold Helen Henrik Ibrahim Ines Ingrid Irene Ivan
    Jack Jana Jean Johan Jorge Julia Karim Katya Kenji Laila Lars Laura Leon Li Louis Lucia Luis
    Maja Marco Maria Marta Martin Max Mei Mina Miriam Nadia Naomi Nils Nina Oscar Paul Peter Pilar
    Rahul Rosa Samir Sara Simon Sofia Stefan Tariq Teresa Theo Vera Victor Walter Wei Yara Yuki
    Zofia
""")
NAME_STARTS: Final = _words("""
    Al An Bar Bel Bren Cal Car Dal Dor El Fal Fen Gar Gol Hal Har Ib Is Jar Kal Ker Lan Lor Mal Mar
    Mon Nor Or Pal Per Quin Ral Ros Sal Ser Tal Tor Ul Val Ver Wal Wil Yar Zan Zel
""")
NAME_MIDDLES: Final = _words("""
    a be ca da de di do e ga go i ka ko la le li lo ma me mi na ne no o ra re ri ro sa se ta te ti
    to u va ve vi
""")
NAME_ENDS: Final = _words("""
    ano berg bert dale den des don dorf endez era ert escu ez feld ford gard ham ic ina insky kin
    land ley ling man mann mont nik off ova reau rini rov sen shaw son stein strom ton vic ville
    wood worth yama
""")
OVERVIEWS: Final = (
    "{name} comes back to {place} and finds that the {noun} has not been forgotten.",
    "A {adjective} {noun} changes everything for {name}, who wanted a quiet year.",
    "In {place}, {name} has one night to settle what the {noun} began.",
    "Nobody in {place} believes {name} about the {noun}, until winter comes.",
    "Two strangers and one {noun}: a {adjective} story that begins in {place}.",
)


class TitleParts(NamedTuple):
    """The parts of one language's titles, and their country."""

    country: str
    blank: str
    conjunction: str
    beginnings: tuple[str, ...]
    middles: tuple[str, ...]
    endings: tuple[str, ...]


ORIGINALS: Final = {
    "fr": TitleParts(
        "FR",
        " ",
        "et",
        _phrases("Le, La nuit, Ce, Un, Les enfants, Au bout, Le retour, Adieu, Mon, Une"),
        _phrases("île, château, garçon, œuvre, forêt, étranger, frère, âme, jardin, vérité"),
        _phrases(
            """
            de l'été, du fleuve, sans fin, et la mer, oublié, des étoiles, à l'aube, du
            silence, d'hiver, perdue
            """
        ),
    ),
    "it": TitleParts(
        "IT",
        " ",
        "e",
        _phrases("Il, La notte, Quel, Una, I figli, La casa, Il ritorno, Addio, Mio, Nessun"),
        _phrases(
            """
            estate, amore, padre, strada, fiume, verità, ladro, ragazza, giardino, felicità
            """
        ),
        _phrases(
            """
            del mare, di città, perduto, e la luna, senza nome, dell'ombra, d'agosto, più
            lontano, del sud, così
            """
        ),
    ),
    "es": TitleParts(
        "ES",
        " ",
        "y",
        _phrases("El, La noche, Los, Una, Las hijas, La casa, El regreso, Adiós, Mi, Ningún"),
        _phrases("sueño, camino, niño, viento, jardín, corazón, señor, tierra, espíritu, año"),
        _phrases(
            """
            del mar, de otoño, perdido, y la luna, sin nombre, del corazón, de mañana, en el
            sur, del río, así
            """
        ),
    ),
    "de": TitleParts(
        "DE",
        " ",
        "und",
        _phrases(
            """
            Der, Die Nacht, Das, Eine, Die Kinder, Das Haus, Die Rückkehr, Abschied, Mein,
            Kein
            """
        ),
        _phrases("Mädchen, Schloß, Brücke, König, Straße, Herz, Gärtner, Stille, Fremder, Tür"),
        _phrases(
            """
            am Fluss, im Winter, ohne Ende, und das Meer, der Träume, über Berlin, vor
            Tagesanbruch, für immer, aus Süden, danach
            """
        ),
    ),
    "sv": TitleParts(
        "SE",
        " ",
        "och",
        _phrases("Den, Natten, Ett, En, Barnen, Huset, Återkomsten, Farväl, Min, Ingen"),
        _phrases("sommar, främling, flicka, själ, väg, kärlek, trädgård, tystnad, bror, ö"),
        _phrases(
            """
            vid älven, om vintern, utan slut, och havet, från norr, i skuggan, före
            gryningen, för alltid, på ön, efteråt
            """
        ),
    ),
    "pl": TitleParts(
        "PL",
        " ",
        "i",
        _phrases("Ostatni, Noc, Moja, Dzieci, Dom, Powrót, Cichy, Pożegnanie, Nasz, Żaden"),
        _phrases("lato, łódź, dziewczyna, dusza, droga, miłość, ogród, cisza, brat, świat"),
        _phrases(
            """
            nad rzeką, zimą, bez końca, i morze, z północy, w cieniu, przed świtem, na
            zawsze, na wyspie, potem
            """
        ),
    ),
    "ru": TitleParts(
        "RU",
        " ",
        "и",
        _phrases("Последний, Ночь, Моя, Дети, Дом, Возвращение, Тихий, Прощание, Наш, Чужой"),
        _phrases("лето, лодка, девушка, душа, дорога, любовь, сад, тишина, брат, мир"),
        _phrases(
            """
            над рекой, зимой, без конца, и море, из тумана, в тени, до рассвета, навсегда, на
            острове, потом
            """
        ),
    ),
    "ja": TitleParts(
        "JP",
        "",
        "と",
        _phrases("夏の, 夜の, 最後の, 静かな, 遠い, 赤い, 失われた, 東京の, 母の, 雨の"),
        _phrases("海, 山, 家, 猫, 風, 月, 道, 庭, 橋, 星"),
        _phrases("物語, 旅, 夢, 約束, 記憶, 歌, 日々, 果て, 便り, 影"),
    ),
    "ko": TitleParts(
        "KR",
        " ",
        "그리고",
        _phrases("여름의, 밤의, 마지막, 조용한, 먼, 붉은, 잃어버린, 서울의, 엄마의, 비의"),
        _phrases("바다, 산, 집, 고양이, 바람, 달, 길, 정원, 다리, 별"),
        _phrases("이야기, 여행, 꿈, 약속, 기억, 노래, 날들, 끝, 편지, 그림자"),
    ),
}
"""Title parts by language."""
