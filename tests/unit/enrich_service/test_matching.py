from __future__ import annotations

import datetime as dt
from itertools import count

import pytest

from enrich_service.matching.match_choice import (
    ALTERNATIVE,
    Match,
    NoMatch,
    NoMatchReason,
    choose_match,
    list_candidates,
)
from enrich_service.matching.search_plan import (
    PlannedSearch,
    neighbour_plan,
    search_plan,
    slip_plan,
)
from enrich_service.tmdb.models import SearchMovie
from shared.models import DOUBTFUL_BELOW

_ids = count(1)


def film(
    title: str,
    year: int | None,
    *,
    original: str | None = None,
    votes: int = 1_000,
    tmdb_id: int | None = None,
) -> SearchMovie:
    return SearchMovie(
        id=next(_ids) if tmdb_id is None else tmdb_id,
        title=title,
        original_title=title if original is None else original,
        release_date=None if year is None else dt.date(year, 6, 1),
        vote_count=votes,
        popularity=votes / 100,
        poster_path=f"/{title.replace(' ', '')[:5]}.jpg" if title.isascii() else None,
    )


ALIEN = film("Alien", 1979, votes=14_000)
ALIENS = film("Aliens", 1986, votes=9_500)
ALIEN_3 = film("Alien³", 1992, votes=5_500)
THING_1982 = film("The Thing", 1982, votes=7_000)
THING_2011 = film("The Thing", 2011, votes=3_400)
SE7EN = film("Se7en", 1995, votes=21_000)
AMELIE = film("Amélie", 2001, original="Le Fabuleux Destin d'Amélie Poulain", votes=11_000)
WALL_E = film("WALL·E", 2008, votes=18_000)
BIRDMAN = film("Birdman or (The Unexpected Virtue of Ignorance)", 2014, votes=13_000)
MATRIX = film("The Matrix", 1999, votes=26_000)
STAR_WARS = film("Star Wars", 1977, votes=20_000)
EMPIRE = film("The Empire Strikes Back", 1980, votes=17_000)
DUNE_1984 = film("Dune", 1984, votes=3_000)
DUNE_2021 = film("Dune", 2021, votes=12_000)
DUNE_TWO = film("Dune: Part Two", 2024, votes=6_000)
BORAT = film(
    "Borat: Cultural Learnings of America for Make Benefit Glorious Nation of Kazakhstan",
    2006,
    votes=7_000,
)
KILL_BILL_2 = film("Kill Bill: Vol. 2", 2004, votes=14_000)
LEON = film("Léon: The Professional", 1994, original="Léon", votes=14_000)
SPIRITED_AWAY = film("Spirited Away", 2001, original="千と千尋の神隠し", votes=16_000)
ROCKY_5 = film("Rocky V", 1990, votes=2_600)
ROCKY_4 = film("Rocky IV", 1985, votes=4_000)
PART_8 = film("Friday the 13th Part VIII: Jason Takes Manhattan", 1989)
THE_BATMAN = film("The Batman", 2022, votes=10_000)
BATMAN_1989 = film("Batman", 1989, votes=7_500)
AVVENTURA = film("L'Avventura", 1960)
CRUEL = film("Cruel & Unusual", 2014, votes=120)
PIETA = film("Pieta", 2012, original="피에타", votes=600)
SIX_DAYS = film("Æon Flux", 2005, votes=2_000)


@pytest.mark.parametrize(
    ("title", "year", "films", "expected"),
    [
        ("Alien", 1979, [ALIENS, ALIEN, ALIEN_3], ALIEN),
        ("Aliens", 1986, [ALIEN, ALIENS], ALIENS),
        ("Aliens", None, [ALIEN, ALIENS], ALIENS),
        ("alien 3", 1992, [ALIEN, ALIENS, ALIEN_3], ALIEN_3),
        ("Se7en", 1995, [SE7EN], SE7EN),
        ("Seven", 1995, [SE7EN, film("Seven Days", 1995)], SE7EN),
        ("amelie", 2001, [AMELIE], AMELIE),
        ("Le Fabuleux Destin d'Amélie Poulain", 2001, [AMELIE], AMELIE),
        ("Le fabuleux destin d\u2019Amelie Poulain", 2001, [AMELIE], AMELIE),
        ("Amélie (Le Fabuleux Destin d'Amélie Poulain)", None, [AMELIE], AMELIE),
        ("WALL-E", 2008, [WALL_E], WALL_E),
        ("Walle", 2008, [WALL_E], WALL_E),
        ("Birdman or (The Unexpected Virtue of Ignorance)", 2014, [BIRDMAN], BIRDMAN),
        ("Birdman", 2014, [BIRDMAN, film("Bird People", 2014)], BIRDMAN),
        ("Matrix, The", 1999, [MATRIX], MATRIX),
        ("Matrix, The (1999)", None, [MATRIX, film("The Matrix", 1993, votes=9)], MATRIX),
        ("Avventura, L'", 1960, [AVVENTURA], AVVENTURA),
        ("Avventura", 1960, [AVVENTURA], AVVENTURA),
        ("The Thing", 1982, [THING_2011, THING_1982], THING_1982),
        ("The Thing", 2011, [THING_1982, THING_2011], THING_2011),
        ("Star Wars: Episode IV - A New Hope", 1977, [STAR_WARS], STAR_WARS),
        ("Star Wars: Episode V - The Empire Strikes Back", 1980, [EMPIRE], EMPIRE),
        ("Dune", 2021, [DUNE_1984, DUNE_2021, DUNE_TWO], DUNE_2021),
        ("Dune", 1984, [DUNE_2021, DUNE_1984], DUNE_1984),
        ("Dune: Part One", 2021, [DUNE_2021, DUNE_1984], DUNE_2021),
        ("Dune: Part 2", 2024, [DUNE_2021, DUNE_TWO], DUNE_TWO),
        ("Borat", 2006, [BORAT], BORAT),
        ("Kill Bill: Volume 2", 2004, [KILL_BILL_2], KILL_BILL_2),
        ("Leon", 1994, [LEON], LEON),
        ("Spirited Away (Sen to Chihiro no Kamikakushi)", 2001, [SPIRITED_AWAY], SPIRITED_AWAY),
        ("千と千尋の神隠し", 2001, [SPIRITED_AWAY], SPIRITED_AWAY),
        ("Spirited Away a.k.a. Sen to Chihiro", None, [SPIRITED_AWAY], SPIRITED_AWAY),
        ("Spirited Away (aka Chihiro)", None, [SPIRITED_AWAY], SPIRITED_AWAY),
        ("Rocky 5", 1990, [ROCKY_4, ROCKY_5], ROCKY_5),
        ("Friday the 13th Part 8: Jason Takes Manhattan", 1989, [PART_8], PART_8),
        ("Batman", 2022, [THE_BATMAN, BATMAN_1989], THE_BATMAN),
        ("Batman", 1989, [THE_BATMAN, BATMAN_1989], BATMAN_1989),
        ("Cruel and Unusual", 2014, [CRUEL], CRUEL),
        ("Pietà", 2012, [PIETA], PIETA),
        ("Aeon Flux", 2005, [SIX_DAYS], SIX_DAYS),
        ("Fin (1962)", 1964, [film("Fin (1962)", 1964, tmdb_id=9), film("Final Owl", 1964)],
         film("Fin (1962)", 1964, tmdb_id=9)),
        ("The Shawshank Redemtion", 1994, [film("The Shawshank Redemption", 1994, tmdb_id=278)],
         film("The Shawshank Redemption", 1994, tmdb_id=278)),
    ],
)  # fmt: skip
def test_the_film_that_is_meant_is_chosen(
    title: str, year: int | None, films: list[SearchMovie], expected: SearchMovie
) -> None:
    answer = choose_match(title, year, films)

    assert isinstance(answer, Match), answer
    assert answer.tmdb_id == expected.id
    assert 90 <= answer.confidence <= 100


@pytest.mark.parametrize(
    ("title", "year", "films", "reason"),
    [
        ("Alien", 1986, [ALIENS], NoMatchReason.OTHER_TITLE),
        ("Alien", 1986, [ALIENS, ALIEN], NoMatchReason.OTHER_YEAR),
        ("Aliens", None, [ALIEN], NoMatchReason.OTHER_TITLE),
        ("Midnight Visitors", 1986, [film("Midnight Visitor", 1986)], NoMatchReason.OTHER_TITLE),
        ("The Thing", 1990, [THING_1982, THING_2011], NoMatchReason.OTHER_YEAR),
        ("Kill Bill", 2004, [KILL_BILL_2], NoMatchReason.OTHER_TITLE),
        ("Kill Bill (Volume 2)", 2003, [film("Kill Bill", 2003)], NoMatchReason.OTHER_TITLE),
        ("Dune: Part Two", 2021, [DUNE_2021], NoMatchReason.OTHER_TITLE),
        ("Rocky II", 1985, [ROCKY_4], NoMatchReason.OTHER_TITLE),
        ("Star Wars: The Fan Cut", None, [STAR_WARS], NoMatchReason.OTHER_TITLE),
        ("Alien (fan film)", None, [ALIEN], NoMatchReason.OTHER_TITLE),
        ("III", 2015, [film("3", 2015)], NoMatchReason.OTHER_TITLE),
        ("Nobody Knows This", 2001, [], NoMatchReason.NO_CANDIDATES),
        ("Friday the 13th Part VII: The New Blood", 1989, [PART_8], NoMatchReason.OTHER_TITLE),
        ("Attack the Gas Station 2", 2010, [film("Attack the Gas Station 3", 2010)],
         NoMatchReason.OTHER_TITLE),
        ("Borat", 2006, [film("Borat: The Bootleg", 2006, votes=3)], NoMatchReason.OTHER_TITLE),
    ],
)  # fmt: skip
def test_a_film_that_only_looks_like_it_is_left_alone(
    title: str, year: int | None, films: list[SearchMovie], reason: NoMatchReason
) -> None:
    answer = choose_match(title, year, films)

    assert isinstance(answer, NoMatch), answer
    assert answer.reason is reason
    assert not answer.is_final


@pytest.mark.parametrize(
    ("title", "film_title", "kind"),
    [
        ("Red (One) (Two)", "Red", "bracketed"),
        ("Red (One) (Blue Deep, The)", "The Blue Deep", "bracketed"),
        ("Red (a.k.a. Blue Deep, The) (One)", "The Blue Deep", "variant"),
        ("Red (One (Deep) Two)", "One (Deep) Two", "bracketed"),
        ("Room 21 (Chambre 21)", "Room 21", "bracketed"),
        ("Huhu (1984) (1990)", "1984", "bracketed"),  # a number, and no part's
        ("Huhu (2046) (1990)", "Huhu", "bracketed"),
        ("Distretto 9 (District 9)", "Distretto 9", "bracketed"),
        ("Zwölf Leute (12 Angry Owls)", "12 Angry Owls", "bracketed"),
        ("Owls (Live)", "Live", "shortened"),
        ("Owls (Pilot)", "Pilot", "shortened"),
        ("Owls (TV Series)", "TV Series", "shortened"),
        ("Owls (TV Series)", "Owls", "shortened"),
        ("Owls (Remake)", "Owls", "shortened"),
        ("Chouettes (Hiboux, Les)", "Les Hiboux", "bracketed"),
        ("Owls (千と千尋の神隠し)", "千と千尋の神隠し", "bracketed"),
        ("Red, The (Rouge)", "The Red (Rouge)", "variant"),
        ("Vitelloni, I", "I vitelloni!", "same"),
        ("8 1/2", "8½", "same"),
        ("Old Boy", "Oldboy", "variant"),
        ("Anna Green's Garden", "Anna Green Garden", "variant"),
        ("Owls Only Sing in Summer", "Owls Sing Only in Summer", "reordered"),
        ("Deep, the Owl", "The Deep Owl", "reordered"),
        ("Thunderbird Six", "Thunderbird 6", "renumbered"),
        ("The 5th Owl", "The Fifth Owl", "renumbered"),
        ("Owls - Part 1", "Owls 1", "renumbered"),
        ("21 Owls", "Twenty-One Owls", "renumbered"),
        ("The Thirty-Nine Owls", "The 39 Owls", "renumbered"),
        ("One Hundred and One Owls", "101 Owls", "renumbered"),
        ("A Hundred Owls", "100 Owls", "renumbered"),
        ("Three Hundred Forty Owls", "340 Owls", "renumbered"),
        ("The Twenty-First Owl", "The 21st Owl", "renumbered"),
        ("Nineteen Eighty-Four", "1984", "renumbered"),
        ("Owls: Part One", "Owls", "unnumbered"),
        ("Prime Owls 7: The Final Act", "Prime Owls: The Final Act", "unnumbered"),
        ("Owls: The Source", "Owls V: The Source", "unnumbered"),
        ("Owls 3: The Progeny", "Owls 3", "shortened"),
        ("Owls: Love's Long Struggle", "Owls", "shortened"),
        ("Anna Green's Owl House", "Owl House", "shortened"),
        ("Green Channel: Owl House", "Owl House", "shortened"),
        ("Owls", "Owls: The Legend of the Barn", "longer"),
        ("Owls", "Owls (New and Selected)", "longer"),
        ("Owl House 3-D", "Owl House", "longer"),
        ("Owl House", "Owl House: The Movie", "longer"),
        ("Circel of Owls", "The Circle of Owls", "slip"),
        ("Neighbouring Owls", "Neighboring Owls", "resembling"),
        ("The Chant of Jimmy Owlsmith", "The Chant of Jimmie Owlsmith", "resembling"),
    ],
)
def test_each_kind_of_other_spelling_is_known(title: str, film_title: str, kind: str) -> None:
    meant = film(film_title, 1990, votes=7)
    stranger = film("Owls of the South", 1990)

    match = choose_match(title, 1990, [meant, stranger])

    assert isinstance(match, Match), match
    assert (match.tmdb_id, match.reason) == (meant.id, f"{kind} title, same year")


@pytest.mark.parametrize(
    ("title", "film_title"),
    [
        ("Owls 2", "Owls"),  # another part
        ("Owls (Volume 2)", "Owls"),
        ("Owls (Volume 2: The Love Story)", "Owls"),  # with its subtitle
        ("Owls (Teil 2)", "Owls"),  # in whatever language
        ("Owls (Season 2)", "Owls"),
        ("Owls (II)", "Owls"),
        ("Owls (Part 2 of 3)", "Owls"),
        ("Owls (Second Season)", "Owls"),
        ("Owls 7 Bear Witness", "Owls Bear Witness"),  # a number that no subtitle follows
        ("One Owl", "The First Owl"),  # a number for an ordinal
        ("The Third Owl", "Three Owl"),
        ("Thirty-Nine Owls", "39th Owls"),
        ("Owls Two One", "Owls 21"),  # two numbers for one
        ("OwlMania XXI", "OwlMania XXII"),  # numerals above twenty
        ("Super Owl XXIV", "Super Owl XXVI"),
        ("機動戦士ガンダムI", "機動戦士ガンダムII"),  # joined to another script
        ("Owls", "Owls: Part Two"),
        ("The Absent", "The Absent One"),  # a word that is no part's number
        ("Dark Owl", "Owl Dark"),  # two words change places by chance
        ("Owls", "Green Channel: Owls"),  # a name in front of TMDB's title
        ("Owls", "Owls: The Making of a Film"),  # what accompanies a film
        ("A Rather Dark Owl", "A Dark Owl"),  # another word
        ("Bad Girls", "Sad Girls"),  # another first letter
    ],
)
def test_what_tells_films_apart_keeps_a_title_from_being_taken(title: str, film_title: str) -> None:
    assert isinstance(choose_match(title, 1990, [film(film_title, 1990, votes=9_000)]), NoMatch)


def test_subtitle_never_gives_way_to_a_well_known_film() -> None:
    parent = film("Owlmen", 2009, votes=8_000)
    tale = film("Tales of the Black Owl", 2009, votes=45)

    assert isinstance(choose_match("Owlmen: Tales of the Black Owl", 2009, [parent]), NoMatch)
    match = choose_match("Owlmen: Tales of the Black Owl", 2009, [parent, tale])
    assert isinstance(match, Match)
    assert match.tmdb_id == tale.id


def test_bracketed_name_of_one_word_needs_the_same_year() -> None:
    near = film("The Prince", 2014)

    assert choose_match("Prins (Prince, The)", 2015, [near]) == Match(
        near.id, 95, "bracketed title, a year apart"
    )
    assert isinstance(choose_match("Prince", 2015, [near]), NoMatch)
    assert isinstance(choose_match("Prins (Prince, The)", 2016, [near]), NoMatch)


def test_what_only_sounds_like_it_is_no_rival_of_the_title_itself() -> None:
    near = film("Gantz", 2010)
    sequel = film("Gantz: Perfect Answer", 2011)

    match = choose_match("Gantz", 2011, [sequel, near])

    assert isinstance(match, Match)
    assert match.tmdb_id == near.id
    only = choose_match("Gantz", 2011, [sequel])
    assert isinstance(only, Match)
    assert not only.is_final, "a film of the title may come yet"


def test_slip_in_one_word_does_not_end_the_search() -> None:
    driver, drive = film("Driver", 2011, votes=9), film("Drive", 2010)

    for title, is_final in (("Drive", False), ("Drive Into the Nigh", True)):
        first = choose_match(title, 2011, [driver, film("Drive Into the Night", 2011)])
        assert isinstance(first, Match)
        assert first.is_final == is_final
    match = choose_match("Drive", 2011, [driver, drive])
    assert isinstance(match, Match)
    assert match.tmdb_id == drive.id


@pytest.mark.parametrize(
    ("title", "year", "loose"),
    [("Pinocchio", 2021, "Pinocchio: A True Story"), ("Carol", 2015, "Carole")],
)
def test_the_title_itself_a_year_apart_is_doubtful_beside_a_loose_one_of_the_very_year(
    title: str, year: int, loose: str
) -> None:
    near, other = film(title, year + 1), film(loose, year)

    match = choose_match(title, year, [other, near])

    assert isinstance(match, Match)
    assert (match.tmdb_id, match.confidence) == (near.id, DOUBTFUL_BELOW - 1)
    assert [one.tmdb_id for one in match.others] == [other.id]


def test_two_films_of_the_same_title_and_year_stay_a_tie_whatever_their_votes() -> None:
    films = [film("The Haunted Castle", 1897, votes=9_000), film("The Haunted Castle", 1897)]

    answer = choose_match("The Haunted Castle", 1897, films)

    assert isinstance(answer, NoMatch)
    assert answer.reason is NoMatchReason.AMBIGUOUS
    assert answer.is_final
    assert [shown.tmdb_id for shown in answer.candidates] == [one.id for one in films]


def test_of_two_in_one_year_the_one_with_the_very_display_title_wins() -> None:
    display = film("Möbius", 2013, votes=5)
    original_only = film("Strip", 2013, original="Möbius", votes=9_000)

    assert choose_match("Möbius", 2013, [original_only, display]) == Match(
        display.id, 100, "exact title, same year"
    )
    of_like_standing = film("Mobius", 2013, votes=1_000)
    assert isinstance(choose_match("Möbius", 2013, [original_only, of_like_standing]), NoMatch)


def test_an_unseen_short_of_the_same_title_and_year_does_not_hide_the_film_everybody_knows() -> (
    None
):
    known = film("Heat", 1995, votes=7_000)
    short = film("Heat", 1995, votes=3)

    match = choose_match("Heat", 1995, [short, known])

    assert isinstance(match, Match)
    assert match.tmdb_id == known.id


def test_the_same_title_in_neighbouring_years_goes_to_the_very_year() -> None:
    before, same, after = (film("Hercules", year) for year in (2013, 2014, 2015))

    for order in ([before, same, after], [after, before, same]):
        answer = choose_match("Hercules", 2014, order)
        assert isinstance(answer, Match)
        assert answer.tmdb_id == same.id


def test_a_film_a_year_apart_is_not_final_for_a_search_of_one_year_may_hide_the_other() -> None:
    near = choose_match("Hercules", 2014, [film("Hercules", 2015)])
    assert isinstance(near, Match)
    assert not near.is_final
    very = choose_match("Hercules", 2014, [film("Hercules", 2014)])
    assert isinstance(very, Match)
    assert very.is_final


@pytest.mark.parametrize(
    "title",
    [
        "Midnigth Visitor",
        "Midnight Vistor",
        "Midnight Visiitor",
        "iMdnight Visitor",
        "idnight Visitor",
    ],
)
def test_a_title_with_one_slip_is_known_in_the_very_year_though_nobody_voted(title: str) -> None:
    meant = film("Midnight Visitor", 1986, votes=0)

    match = choose_match(title, 1986, [meant, film("Midnight Caller", 1986)])

    assert match == Match(meant.id, 97, "slip title, same year")
    assert choose_match(title, 1985, [meant]) == Match(meant.id, 95, "slip title, a year apart")
    for year in (None, 1984):
        assert isinstance(choose_match(title, year, [meant]), NoMatch)


@pytest.mark.parametrize(
    ("title", "other"),
    [
        ("Midnight Visitors", "Midnight Visitor"),  # a plural
        ("Midnight Visitor 2", "Midnight Visitor 3"),  # a number
        ("Midnight Hunter", "Midnight Punter"),  # another first letter
        ("The Men", "The Man"),  # another letter, too short to tell
        ("Heat", "Heart"),  # too short to tell
    ],
)
def test_what_makes_another_title_of_it_is_no_slip(title: str, other: str) -> None:
    assert isinstance(choose_match(title, 1986, [film(other, 1986, votes=9_000)]), NoMatch)


def test_a_title_without_its_and_is_the_same_title() -> None:
    meant = film("…and Lora & Ral", 1960, votes=0)

    assert choose_match("and Lora Ral", 1960, [meant]) == Match(
        meant.id, 98, "variant title, same year"
    )


def test_one_year_off_is_accepted_when_only_one_film_is_that_near() -> None:
    near = film("Hercules", 2015)

    assert choose_match("Hercules", 2014, [near, film("Hercules", 1997)]) == Match(
        near.id, 98, "exact title, a year apart"
    )
    both = choose_match("Hercules", 2014, [near, film("Hercules", 2013)])
    assert isinstance(both, NoMatch)
    assert both.reason is NoMatchReason.AMBIGUOUS


def test_a_film_without_a_date_is_taken_when_nothing_else_fits() -> None:
    undated = film("Obscure Home Movie", None, votes=0)

    assert choose_match("Obscure Home Movie", 1991, [undated]) == Match(
        undated.id, 96, "exact title, year unknown to TMDB"
    )


def test_a_better_title_and_a_better_year_on_two_films_choose_neither() -> None:
    films = [film("Batman", 2021, votes=900), film("The Batman", 2022, votes=1_000)]

    answer = choose_match("Batman", 2022, films)

    assert isinstance(answer, NoMatch)
    assert answer.reason is NoMatchReason.AMBIGUOUS


@pytest.mark.parametrize(
    ("known", "namesake", "chosen"),
    [(5_000, 50, True), (5_000, 51, False), (500, 3, True), (499, 0, False), (0, 0, False)],
)
def test_without_a_year_a_namesake_gives_way_only_to_a_film_everybody_knows(
    known: int, namesake: int, *, chosen: bool
) -> None:
    famous = film("Heat", 1995, votes=known)

    answer = choose_match("Heat", None, [film("Heat", 1986, votes=namesake), famous])

    if chosen:
        assert answer == Match(famous.id, 98, "exact title, no year asked")
    else:
        assert isinstance(answer, NoMatch)
        assert answer.reason is NoMatchReason.AMBIGUOUS


def test_without_a_year_an_obscure_exact_title_is_no_proof_against_a_famous_near_one() -> None:
    obscure = film("Birdman", 2009, votes=4)

    answer = choose_match("Birdman", None, [obscure, BIRDMAN])

    assert isinstance(answer, NoMatch)
    assert answer.reason is NoMatchReason.AMBIGUOUS
    assert isinstance(choose_match("Birdman", 2009, [obscure, BIRDMAN]), Match)


def test_a_year_in_the_title_counts_only_where_the_list_gives_none() -> None:
    answer = choose_match("The Thing (1982)", None, [THING_1982, THING_2011])
    assert isinstance(answer, Match)
    assert answer.tmdb_id == THING_1982.id
    answer = choose_match("The Thing (1982)", 2011, [THING_1982, THING_2011])
    assert isinstance(answer, Match)
    assert answer.tmdb_id == THING_2011.id


def test_candidates_are_five_at_most_likeliest_first_and_never_repeated() -> None:
    films = [film(f"Saw {number}", 2004 + number, votes=number) for number in range(1, 8)]

    answer = choose_match("Saw", 1999, [*films, *films])

    assert isinstance(answer, NoMatch)
    assert len(answer.candidates) == 5
    assert len({shown.tmdb_id for shown in answer.candidates}) == 5
    scores = [shown.score for shown in answer.candidates]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score < 75 for score in scores)


@pytest.mark.parametrize(
    ("title", "year", "is_doubtful"),
    [
        ("The Thing", 1982, False),
        ("the thing!", 1982, False),
        ("Thing", 1982, False),
        ("The Thing", 1983, False),
        ("The Thingg", 1982, False),
        ("Kurt: The Thing", 1982, True),
        ("The Thxng", 1982, True),
        ("Thing (Etwas)", 1983, True),
    ],
    ids=["exact", "same", "variant", "a year apart", "slip", "prefix", "wrong letter", "brackets"],
)
def test_a_loose_reading_of_the_title_is_doubtful(
    title: str, year: int, *, is_doubtful: bool
) -> None:
    other = film("The Thing About Pam", 1982)

    answer = choose_match(title, year, [THING_1982, other])

    assert isinstance(answer, Match)
    assert answer.tmdb_id == THING_1982.id
    assert (answer.confidence < DOUBTFUL_BELOW) == is_doubtful
    assert [one.tmdb_id for one in answer.others] == ([other.id] if is_doubtful else [])


@pytest.mark.parametrize(
    ("title", "film_title", "confidence"),
    [
        ("The 39 Owls", "The Thirty-Nine Owls", 97),
        ("Owls: Part One", "Owls", 96),
        ("Owls Only Sing in Summer", "Owls Sing Only in Summer", 96),
    ],
)
def test_a_number_on_one_side_only_and_another_order_are_doubtful(
    title: str, film_title: str, confidence: int
) -> None:
    match = choose_match(title, 1990, [film(film_title, 1990)])

    assert isinstance(match, Match)
    assert match.confidence == confidence


def test_a_list_without_years_and_alternative_titles_are_in_no_doubt() -> None:
    answer = choose_match("the thing", None, [THING_1982])

    assert isinstance(answer, Match)
    assert answer.confidence >= DOUBTFUL_BELOW
    assert ALTERNATIVE >= DOUBTFUL_BELOW


def test_a_question_that_nobody_may_guess_still_gets_its_candidates() -> None:
    shown = list_candidates("The Thing", 1982, [THING_2011, THING_1982])

    assert [(one.title, one.year, one.score) for one in shown] == [
        ("The Thing", 1982, 100),
        ("The Thing", 2011, 55),
    ]
    assert shown[0].poster_path == "/TheTh.jpg"


@pytest.mark.parametrize(
    ("title", "year", "searches"),
    [
        ("Heat", 1995, [("Heat", 1995), ("Heat", None)]),
        ("Heat", None, [("Heat", None)]),
        ("Heat (1995)", None, [("Heat", 1995), ("Heat", None)]),
        ("Matrix, The", 1999, [("The Matrix", 1999), ("The Matrix", None)]),
        (
            "Pieta (Pietà)",
            2012,
            [
                ("Pieta", 2012),
                ("Pietà", 2012),
                ("Pieta (Pietà)", 2012),
                ("Pieta", None),
                ("Pietà", None),
                ("Pieta (Pietà)", None),
            ],
        ),
        ("Léon: The Professional", None, [("Léon: The Professional", None)]),
        (
            "Star Wars: Episode V - The Empire Strikes Back",
            1980,
            [
                ("Star Wars: Episode V - The Empire Strikes Back", 1980),
                ("Star Wars: Episode V - The Empire Strikes Back", None),
                ("Star Wars", 1980),
                ("The Empire Strikes Back", 1980),
            ],
        ),
        ("(1999)", None, [("(1999)", None)]),
        ("1917", 2019, [("1917", 2019), ("1917", None)]),
        ("???", None, [("???", None)]),
        ("  ", 1999, []),
    ],
)
def test_searches_come_cheapest_first(
    title: str, year: int | None, searches: list[tuple[str, int | None]]
) -> None:
    assert list(search_plan(title, year)) == [PlannedSearch(*search) for search in searches]


@pytest.mark.parametrize(
    ("title", "year", "in_year", "anywhen"),
    [
        ("The Red Lighthose", 1990, ["The Red", "Lighthose"],
         ["red lighthose", "The Red", "Lighthose"]),
        ("The Lighthose", 1990, ["Lighthose", "ligh", "lig", "ilghthose", "lgihthose", "lihgthose"],
         ["lighthose", "Lighthose"]),
        ("SSpys (1990)", None, ["ssp", "spys", "spsys", "ssyps"], []),
        ("Lighthose", None, [], []),
        ("Heta", 1990, [], []),
        ("Old Boy", 1990, ["Old", "Boy", "oldboy"], []),
        ("Thunderbird Six", 1990, ["Thunderbird", "Six", "thunderbird", "thunderbirdsix"],
         ["Thunderbird"]),
        ("One Hundred and One Owls", 1990,
         ["One Hundred", "and One Owls", "owls"], ["One Hundred", "and One Owls"]),
    ],
)  # fmt: skip
def test_a_title_spelt_otherwise_is_searched_for_by_its_parts(
    title: str, year: int | None, in_year: list[str], anywhen: list[str]
) -> None:
    expected = [PlannedSearch(query, 1990) for query in in_year]
    expected += [PlannedSearch(query, None) for query in anywhen]

    assert list(slip_plan(title, year)) == expected


@pytest.mark.parametrize(
    "title",
    [" / ".join("bcdefghijk"), " aka ".join("bcdefghijk"), f"b ({') ('.join('cdefghijk')})"],
)
def test_however_many_names_a_title_has_a_few_are_searched_for(title: str) -> None:
    assert len(list(search_plan(title, 1990))) <= 14


def test_the_years_beside_are_searched_one_by_one() -> None:
    assert list(neighbour_plan("Heat (1995)", 1995)) == [
        PlannedSearch("Heat", 1994),
        PlannedSearch("Heat", 1996),
    ]
