"""Episodes told from films by all titles of a history, in any language and script."""
# ruff: noqa: RUF001  # letters of many scripts are what it is about

from __future__ import annotations

import pytest

from tests.support.uploaded_lists import Read, read


def films(*rows: tuple[str, str]) -> list[str]:
    """The titles that are read as films of a history of titles and days."""
    return [title for (title,) in history(*rows).column("title")]


def history(*rows: tuple[str, str]) -> Read:
    lines = [f'"{title}","{day}"' for title, day in (("Heat", "2024-01-31"), *rows)]
    return read({"ViewingHistory.csv": "\n".join(("Title,Date", *lines, ""))})


def daily(*titles: str) -> list[tuple[str, str]]:
    """Titles of which each was watched on a day of its own."""
    return [(title, f"2024-02-{number:02}") for number, title in enumerate(titles, 1)]


@pytest.mark.parametrize(
    ("seasoned", "other"),
    [
        ("Vymyšlený seriál: 1. řada: 6. díl", "Jiný seriál: 7. díl"),
        ("作り話: シーズン1: エピソード3", "別の話: エピソード2"),
        ("作り話: シーズン1: 第3話", "別の話: 第12話"),
        ("Cuento: Temporada 2: Capítulo 6", "Otro cuento: Capítulo 7"),
        ("Erfunden: Staffel 1: Folge 2", "Noch eine: Folge 3"),
        ("Inventé : Saison 1 : Épisode 2", "Un autre : Épisode 4"),
        ("Uydurma: 1. Sezon: 3. Bölüm", "Başka: 1. Bölüm"),
        ("지어낸 이야기: 시즌 1: 3화", "다른 이야기: 7화"),
        ("مسلسل: الموسم 1: الحلقة 3", "آخر: الحلقة 4"),
        ("مسلسل: الموسم ١: حلقة ٣", "آخر: حلقة ٤"),
        ("เรื่องแต่ง: ซีซั่น 1: ตอน 3", "อีกเรื่อง: ตอน 5"),
        ("סיפור: עונה 1: פרק 3", "אחר: פרק 4"),
        ("编造：第 1 季：第 3 集", "另一个：第 4 集"),
        ("编造: 第一季: 第3集", "另一个: 第7集"),
        ("Выдумка: Сезон 1: Выпуск 3", "Другая: Выпуск 4"),
        ("Επινόηση: Κύκλος 1: Επεισόδιο 3", "Άλλη: Επεισόδιο 2"),
        ("Väljamõeldis: 1. hooaeg: 3. osa", "Teine: 5. episood"),
        ("Invented: Season 1: Night 3", "Another: Night 4"),
    ],
)
def test_word_beneath_a_season_is_an_episode_elsewhere(seasoned: str, other: str) -> None:
    left = films(*daily(seasoned, other))
    if "episood" in other:  # a word that stands nowhere else says nothing
        assert left == ["Heat", other]
    else:
        assert left == ["Heat"]


@pytest.mark.parametrize(
    "title",
    [
        "Vymyšlený seriál: 3. řada: Mrtví",
        "Další: 4. svazek: Růže",
        "サバイバー: シーズン1: 命懸けの任務",
        "مسلسل: الموسم ٢: البداية",
        "Frontier: V kůži nepřítele: 3. řada: Všichni",
        "Invented: Limited Series: A Name",
        "Kurgu: Mini Dizi: Kuşatma",
        "Delvers of Tasty: Episode 4: Stew/Pie",
        "One Evening: Episode 6 - Tessa",
        "The Final Jump: Episode IX",
        "Monstrous: CHAPTER 21",
        "Invented Monster: The Good Box (Episode 4)",
        "Only Brackets (Episode 4)",
        "Invented: Invented 4: A Name",
        "Invented: Invented",
    ],
)
def test_title_is_an_episode_without_any_other(title: str) -> None:
    assert films((title, "2024-02-01")) == ["Heat"]


@pytest.mark.parametrize(
    "title",
    [
        "Dune: Part Two",
        "Dune: Part 2",
        "Kill Bill: Vol. 2",
        "John Wick: Chapter 2",
        "Harry Potter ve Ölüm Yadigarları: Bölüm 1",
        "Hunger Games: Síla vzdoru 1. část",
        "The Twilight Saga: Breaking Dawn: Part 1",
        "Star Wars: Episode IV - A New Hope",
        "Star Wars: Episode IV: A New Hope",
        "Mission: Impossible II",
        "Hitman: Agent 47",
        "Fear Street Part 1: 1994",
        "Bob Lazar: Area 51 & Flying Saucers",
        "(500) Days of Summer",
        "Sherlock (2010)",
        "Baahubali 2: The Conclusion (Hindi Version)",
    ],
)
def test_film_stays_one_beside_episodes(title: str) -> None:
    episodes = daily(
        "Invented: Season 1: Chapter 3",
        "Uydurma: 1. Sezon: 3. Bölüm",
        "Vymyšlený: 1. řada: 6. díl",
        "A Show: Season 2: Episode 4 (Episode 4)",
    )
    assert films((title, "2023-01-01"), *episodes) == ["Heat", title]


def test_word_in_brackets_is_learned_from_three_titles() -> None:
    rows = daily("Kuvitelma: Alku (Jakso 1)", "Toinen: Loppu (Jakso 2)", "Kolmas (Jakso 7)")
    assert films(*rows) == ["Heat"]
    rows = daily("Tarina: Alku (osio 1)", "Toinen: Loppu (osio 2)", "Kolmas (osio 7)")
    assert films(*rows) == ["Heat"]


def test_three_numerals_of_one_show_make_a_word_an_episode_of_any() -> None:
    rows = daily("Show: Tale 1", "Show: Tale 2", "Show: Tale 3", "Other: Tale 9")
    assert films(*rows) == ["Heat"]


def test_more_parts_than_any_film_has_are_episodes() -> None:
    assert films(*daily(*(f"Show: Part {number}" for number in range(1, 5)))) == ["Heat"]
    rows = daily("Back to It: Part I", "Back to It: Part II", "Back to It: Part III")
    assert films(*rows) == ["Heat", *(title for title, _ in rows)]


@pytest.mark.parametrize(
    "days",
    [
        ("2024-02-01", "2024-02-01", "2024-02-01"),
        ("2024-02-01", "2024-02-01", "2024-02-02"),
        ("2024-02-01", "2024-02-01", "2024-02-20", "2024-02-28"),
        ("2024-02-01", "2024-02-08", "2024-02-15", "2024-02-22", "2024-02-29"),
    ],
    ids=["one day", "two days", "two on a day within weeks", "five, one a week"],
)
def test_titles_watched_as_a_show_are_episodes(days: tuple[str, ...]) -> None:
    names = ("Retraso", "Embargo", "El baile", "Una carta", "Adiós")
    found = history(*((f"Silvia: {name}", day) for name, day in zip(names, days, strict=False)))
    assert [title for (title,) in found.column("title")] == ["Heat"]
    reason = found.report["set_aside"][0]["reason"]
    assert f"{len(days)} titles that begin with “Silvia” were watched" in reason


FRANCHISES = [
    (
        "Star Wars: Episode IV - A New Hope",
        "Star Wars: Episode V - The Empire Strikes Back",
        "Star Wars: Episode VI - Return of the Jedi",
    ),
    (
        "The Lord of the Rings: The Fellowship of the Ring",
        "The Lord of the Rings: The Two Towers",
        "The Lord of the Rings: The Return of the King",
    ),
    ("Trevor Noah: Son of Patricia", "Trevor Noah: Afraid of the Dark", "Trevor Noah: Off"),
]


@pytest.mark.parametrize("titles", FRANCHISES, ids=lambda titles: titles[0].split(":")[0])
@pytest.mark.parametrize(
    "days",
    [
        ("2024-02-01", "2024-02-02", "2024-02-03"),
        ("2022-02-01", "2023-02-02", "2024-02-03"),
        ("2024-02-03", "2024-02-03", "2024-02-10"),
    ],
    ids=["one a day", "one a year", "two on a day"],
)
def test_films_of_a_franchise_stay_films_and_are_noted(
    titles: tuple[str, ...], days: tuple[str, ...]
) -> None:
    found = history(*zip(titles, days, strict=True))
    assert [title for (title,) in found.column("title")] == ["Heat", *titles]
    assert found.notes == [(3, "maybe_episodes")]
    beginning = titles[0].split(":")[0]
    assert f"3 titles begin with “{beginning}”" in found.report["notes"][0]["reason"]


def test_special_of_a_known_show_stays_a_film() -> None:
    rows = daily("Mirror: Season 1: One", "Mirror: Season 1: Two", "Mirror: Bander")
    assert films(*rows) == ["Heat", "Mirror: Bander"]


def test_days_in_no_order_that_can_be_told_say_nothing() -> None:
    rows = [(f"Silvia: {name}", "3/4/23") for name in ("Retraso", "Embargo", "El baile")]
    lines = "\n".join(f'"{title}",{day}' for title, day in rows)
    found = read({"h.csv": f"Title,Date\nHeat,5/6/23\n{lines}\n"})
    assert len(found.movies) == 1 + len(rows)


def test_previews_do_not_count_as_titles_of_a_show() -> None:
    row = "Ash,2024-02-01 20:00:00,{},,{},,TV,,,DE (Germany)"
    lines = [row.format("00:00:30", f"Silvia: {name}") for name in ("Retraso", "Embargo")]
    lines += [row.format("01:30:00", "Silvia: La película")]
    header = (
        "Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,Device Type,"
        "Bookmark,Latest Bookmark,Country"
    )
    found = read({"ViewingActivity.csv": "\n".join((header, *lines, ""))})
    assert [title for (title,) in found.column("title")] == ["Silvia: La película"]
