"""MovieLens's files, joined by the number of the film."""

from __future__ import annotations

import io
import zipfile

import pytest

from api_service.lists.formats.movielens import split_moved_title
from api_service.lists.model import ListRefused, Refusal
from tests.support.uploaded_lists import read

MOVIES = (
    'movieId,title,genres\n2571,"Matrix, The (1999)",Action|Sci-Fi\n'
    "47,Seven (a.k.a. Se7en) (1995),Mystery\n6,Heat (1995),Action\n"
)
LINKS = "movieId,imdbId,tmdbId\n2571,0133093,603\n47,0114369,807\n6,0113277,\n"
RATINGS = (
    "userId,movieId,rating,timestamp\n1,2571,4.5,964982703\n1,6,3.0,964981247\n1,9,4,9649812\n"
)
TAGS = "userId,movieId,tag,timestamp\n1,2571,cyber,1139045764\n1,47,gloomy,1139045765\n"


def test_movies_alone_are_films() -> None:
    found = read({"movies.csv": MOVIES})
    assert found.formats == ["movielens_movies"]
    assert found.column("lookup_key", "title", "year") == [
        ("title:the matrix|1999", "The Matrix", "1999"),
        ("title:seven (a.k.a. se7en)|1995", "Seven (a.k.a. Se7en)", "1995"),
        ("title:heat|1995", "Heat", "1995"),
    ]


def test_links_alone_are_films() -> None:
    found = read({"links.csv": LINKS})
    assert found.column("lookup_key") == [("tmdb:603",), ("tmdb:807",), ("imdb:tt0113277",)]


def test_movies_get_the_ids_of_links() -> None:
    found = read({"ml/movies.csv": MOVIES, "ml/links.csv": LINKS})
    assert found.column("lookup_key", "title") == [
        ("tmdb:603", "The Matrix"),
        ("tmdb:807", "Seven (a.k.a. Se7en)"),
        ("imdb:tt0113277", "Heat"),
    ]
    assert found.report["files"][1] == {
        "name": "ml/links.csv",
        "format": "movielens_links",
        "rows": 3,
        "movies": 0,
        "set_aside": "joined by movieId to ml/movies.csv",
        "unread": [],
        "profiles": [],
    }


def test_only_what_was_rated_or_tagged_was_seen() -> None:
    found = read({"r.csv": RATINGS, "m.csv": MOVIES, "l.csv": LINKS, "t.csv": TAGS})
    assert found.column("lookup_key", "title", "watched", "rating", "tags") == [
        ("tmdb:603", "The Matrix", "t", "4.5", '{"cyber"}'),
        ("imdb:tt0113277", "Heat", "t", "3", "{}"),
        ("tmdb:807", "Seven (a.k.a. Se7en)", "t", "", '{"gloomy"}'),
    ]
    assert [(issue["line"], issue["code"]) for issue in found.report["rejected"]] == [
        (4, "missing_title")
    ]


@pytest.mark.parametrize("files", [{"movies.csv": MOVIES}, {"links.csv": LINKS}])
def test_one_of_the_others_is_enough(files: dict[str, str | bytes]) -> None:
    found = read({"ratings.csv": RATINGS, **files})
    assert found.column("rating") == [("4.5",), ("3",)]


def test_data_set_as_downloaded_is_read() -> None:
    with io.BytesIO() as packed:
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(
                "ml-latest/README.txt", "Summary\n=======\n\nThis dataset has 3 movies\n"
            )
            archive.writestr("ml-latest/genome-tags.csv", "tagId,tag\n1,007\n")
            archive.writestr("ml-latest/genome-scores.csv", "movieId,tagId,relevance\n1,1,0.03\n")
            for name, content in zip(
                ("links", "movies", "ratings", "tags"), (LINKS, MOVIES, RATINGS, TAGS), strict=True
            ):
                archive.writestr(f"ml-latest/{name}.csv", content)
        found = read({"ml-latest.zip": packed.getvalue()})
    assert found.column("lookup_key") == [("tmdb:603",), ("imdb:tt0113277",), ("tmdb:807",)]
    assert len([file for file in found.report["files"] if file["set_aside"]]) == 5


def test_ratings_alone_are_refused_with_what_is_missing() -> None:
    with pytest.raises(ListRefused, match=r"movies\.csv or links\.csv") as caught:
        read({"ratings.csv": RATINGS})
    assert caught.value.reason is Refusal.NO_TITLE_COLUMN


def test_ratings_of_several_users_are_noted() -> None:
    found = read({"r.csv": RATINGS + "2,6,4,1\n3,6,4,1\n", "m.csv": MOVIES})
    assert found.notes == [(5, "several_users")]


def test_download_of_ones_own_ratings_is_whole() -> None:
    content = (
        "movie_id,imdb_id,tmdb_id,rating,average_rating,title\n"
        '2571,0133093,603,4.5,4.1,"Matrix, The (1999)"\n'
    )
    found = read({"movielens-ratings.csv": content})
    assert found.column("lookup_key", "title", "rating") == [("tmdb:603", "The Matrix", "4.5")]


@pytest.mark.parametrize(
    ("title", "parts"),
    [
        ("Matrix, The (1999)", ("The Matrix", "1999")),
        ("Beautiful Mind, A (2001)", ("A Beautiful Mind", "2001")),
        ("Avventura, L' (1960)", ("L'Avventura", "1960")),
        (
            "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
            ("The City of Lost Children (Cité des enfants perdus, La)", "1995"),
        ),
        ("Good, the Bad and the Ugly, The", ("The Good, the Bad and the Ugly", "")),
        ("Me, Myself & Irene (2000)", ("Me, Myself & Irene", "2000")),
    ],
)
def test_moved_article_comes_back_in_front(title: str, parts: tuple[str, str]) -> None:
    assert split_moved_title(title) == parts
