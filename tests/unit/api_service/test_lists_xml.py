# ruff: noqa: E501, RUF001  # XML as it is, and Cyrillic letters
"""XML lists: what each format says of a film, and what no XML can make reading do."""

from __future__ import annotations

import tracemalloc

import pytest

from api_service.lists.files import xml_stream
from api_service.lists.model import ListRefused, ListTooCostly
from tests.support.uploaded_lists import read
from tests.unit.api_service.test_lists_archives import zipped

PLEX = """<?xml version="1.0" encoding="UTF-8"?>
<MediaContainer size="7" librarySectionID="5" librarySectionTitle="Movies" title1="Movies">
<Video ratingKey="1" guid="plex://movie/5d77" type="movie" title="Heat" year="1995" rating="8.3"
  userRating="9.0" viewCount="2" lastViewedAt="1710012000" addedAt="1700000000">
<Media id="7" duration="10200000"><Part id="8" file="/films/Heat.mkv"/></Media>
<Genre tag="Crime"/>
<Guid id="imdb://tt0113277"/>
<Guid id="tmdb://949"/>
</Video>
<Video ratingKey="2" type="movie" title="Casablanca" year="1942" addedAt="1700000000"/>
<Video ratingKey="3" type="movie" title="Metropolis" year="1927" lastViewedAt="1710012000"
  viewOffset="60000" guid="com.plexapp.agents.imdb://tt0017136?lang=en"/>
<Video ratingKey="4" type="movie" title="Freaks" year="1932" viewCount="0" userRating="7.0"/>
<Video ratingKey="5" type="episode" grandparentTitle="Lost" title="Pilot" viewCount="1"/>
<Directory ratingKey="6" type="show" title="Lost" year="2004"/>
<Directory key="1" type="movie" title="Movies"/>
</MediaContainer>
"""

HISTORY = """<MediaContainer size="2">
<Video historyKey="/a/1" key="/b" title="Heat" type="movie" viewedAt="1710012000" accountID="1"/>
<Video historyKey="/a/2" key="/b" title="Heat" type="movie" viewedAt="1739059200" accountID="1"/>
</MediaContainer>"""

FEED = """<?xml version='1.0' encoding='utf-8'?>
<rss version="2.0" xmlns:dc="d" xmlns:letterboxd="https://letterboxd.com"
  xmlns:tmdb="https://themoviedb.org"><channel><title>Letterboxd - Somebody</title>
<link>https://letterboxd.com/somebody/</link>
<item><title>Heat, 1995 - ★★★★½</title><link>https://letterboxd.com/somebody/film/heat/1/</link>
 <guid isPermaLink="false">letterboxd-review-11</guid><pubDate>Mon, 12 Jan 2026 09:03:05 +1300</pubDate>
 <letterboxd:watchedDate>2026-01-11</letterboxd:watchedDate><letterboxd:rewatch>Yes</letterboxd:rewatch>
 <letterboxd:memberLike>Yes</letterboxd:memberLike>
 <letterboxd:filmTitle>Heat</letterboxd:filmTitle><letterboxd:filmYear>1995</letterboxd:filmYear>
 <letterboxd:memberRating>4.5</letterboxd:memberRating><tmdb:movieId>949</tmdb:movieId>
 <description><![CDATA[ <p><img src="https://a.example/p.jpg"/></p>
 <p><em>This review may contain spoilers.</em></p> <p>So <i>long</i> &amp; so good.<br />Twice.</p>
 <p>Again &lt;3</p> ]]></description><dc:creator>Somebody</dc:creator></item>
<item><title>Casablanca, 1942</title><guid>letterboxd-watch-12</guid>
 <letterboxd:filmTitle>Casablanca</letterboxd:filmTitle><letterboxd:filmYear>1942</letterboxd:filmYear>
 <letterboxd:watchedDate>2026-01-10</letterboxd:watchedDate><tmdb:movieId>289</tmdb:movieId>
 <description><![CDATA[ <p>Watched on Saturday January 10, 2026.</p> ]]></description></item>
<item><title>Metropolis, 1927</title><guid>letterboxd-want-13</guid>
 <letterboxd:filmTitle>Metropolis</letterboxd:filmTitle></item>
<item><title>Lost, 2004</title><guid>letterboxd-watch-14</guid><tmdb:tvId>4607</tmdb:tvId>
 <letterboxd:filmTitle>Lost</letterboxd:filmTitle></item>
<item><title>Rainy evenings</title><guid>letterboxd-list-15</guid>
 <description><![CDATA[ <ul><li><a href="https://letterboxd.com/film/ran/">Ran</a></li></ul> ]]></description></item>
</channel></rss>"""

CRITICKER = """<?xml version='1.0' encoding='iso-8859-1'?>
<recentratings>
 <pageno>1</pageno><showing>1 - 2 of 2 films</showing>
 <film>
  <filmid>1</filmid><filmname>Amélie (2001)</filmname><imdbid>tt0211915</imdbid>
  <filmlink>https://www.criticker.com/film/Amelie/rating/somebody</filmlink>
  <rating>95</rating><summary>A girl in Paris.</summary><quote>So &quot;French&quot;.</quote>
  <reviewdate>Mar 9 2024, 08:18</reviewdate><tier>10</tier>
 </film>
 <film><filmid>2</filmid><filmname>Ran (1985)</filmname><score>7</score><reviewdate>soon</reviewdate></film>
</recentratings>"""

KODI = """<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>
<videodb><version>1</version>
<movie><title>Heat</title><originaltitle>Heat</originaltitle>
 <ratings><rating name="themoviedb" max="10"><value>7.9</value></rating></ratings>
 <userrating>9</userrating><playcount>2</playcount><lastplayed>2024-03-09 20:15:00</lastplayed>
 <id>949</id><uniqueid type="imdb">tt0113277</uniqueid><uniqueid type="tmdb">949</uniqueid>
 <premiered>1995-12-15</premiered><year>1995</year><actor><name>Al Pacino</name></actor></movie>
<movie><title>Casablanca</title><rating>8.1</rating><userrating>0</userrating>
 <playcount>0</playcount><lastplayed></lastplayed><id>tt0034583</id><year>1942</year></movie>
<tvshow><title>Lost</title><episodedetails><title>Pilot</title></episodedetails></tvshow>
</videodb>"""


def refused(content: str | bytes, name: str = "list.xml") -> ListRefused:
    with pytest.raises(ListRefused) as caught:
        read({name: content})
    return caught.value


def test_plex_library_says_what_was_seen() -> None:
    found = read({"all.xml": PLEX})
    assert found.formats == ["plex"]
    assert found.column("title", "lookup_key", "watched", "rating_original", "watch_dates") == [
        ("Heat", "tmdb:949", "t", "9/10", "{2024-03-09}"),
        ("Freaks", "title:freaks|1932", "t", "7/10", "{}"),
        ("Casablanca", "title:casablanca|1942", "f", "", "{}"),
        ("Metropolis", "imdb:tt0017136", "f", "", "{}"),
    ]
    assert found.movies[0]["rewatches"] == "1"
    assert {movie["in_watchlist"] for movie in found.movies} == {"f"}
    assert found.aside == [(14, "tv_episode"), (15, "tv_series"), (16, "other_type")]
    assert not found.notes


def test_plex_history_is_a_viewing_a_row() -> None:
    found = read({"history.xml": HISTORY})
    assert found.column("title", "watched", "watch_dates") == [
        ("Heat", "t", "{2024-03-09,2025-02-09}")
    ]


@pytest.mark.parametrize(
    ("name", "container"), [("a.xml", 'title1="Watchlist"'), ("my watchlist.xml", "")]
)
def test_plex_watchlist_is_planned(name: str, container: str) -> None:
    content = f'<MediaContainer {container}><Video type="movie" title="Heat"/></MediaContainer>'
    found = read({name: content})
    assert found.column("watched", "in_watchlist") == [("f", "t")]
    assert found.formats == ["plex_watchlist"]


def test_letterboxd_feed_is_a_diary() -> None:
    found = read({"rss.xml": FEED})
    assert found.formats == ["letterboxd_feed"]
    assert found.column("title", "lookup_key", "watched", "rating_original", "watch_dates") == [
        ("Heat", "tmdb:949", "t", "4.5/5", "{2026-01-11}"),
        ("Casablanca", "tmdb:289", "t", "", "{2026-01-10}"),
        ("Metropolis", "title:metropolis|", "f", "", "{}"),
    ]
    heat = found.movies[0]
    assert heat["review"] == "So long & so good.\nTwice.\n\nAgain <3"
    assert (heat["rewatches"], found.movies[1]["review"]) == ("1", "")
    assert heat["source_url"] == "https://letterboxd.com/somebody/film/heat/1/"
    assert [code for _, code in found.aside] == ["tv_series", "other_type"]


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
def test_criticker_is_ratings_and_no_viewings(encoding: str) -> None:
    """Some declare Latin-1 and are UTF-8; both kinds are what they look like."""
    found = read({"ratings.xml": CRITICKER.encode(encoding)})
    assert found.formats == ["criticker"]
    assert found.column("title", "year", "lookup_key", "rating_original", "watch_dates") == [
        ("Amélie", "2001", "imdb:tt0211915", "95/100", "{}"),
        ("Ran", "1985", "title:ran|1985", "7/100", "{}"),
    ]
    assert found.movies[0]["review"] == 'So "French".'
    assert json_rated(found.movies[0]["origins"]) == "2024-03-09"
    assert found.notes == [(10, "bad_date")]


def json_rated(origins: str) -> str:
    return origins.split('"rated":[1,"')[1][:10]


def test_kodi_library_tells_the_user_from_the_crowd() -> None:
    found = read({"videodb.xml": KODI})
    assert found.formats == ["kodi"]
    assert found.column("title", "lookup_key", "watched", "rating_original", "watch_dates") == [
        ("Heat", "tmdb:949", "t", "9/10", "{2024-03-09}"),
        ("Casablanca", "imdb:tt0034583", "f", "", "{}"),
    ]
    assert [code for _, code in found.aside] == ["tv_series"]


def test_kodi_nfo_of_one_film_is_read() -> None:
    content = "<movie><title>Heat</title><year>1995</year><playcount>1</playcount></movie>"
    assert read({"Heat.nfo": content}).column("title", "watched") == [("Heat", "t")]


def test_unknown_attributes_reach_the_records() -> None:
    """So that the report can name what looks as if it meant something."""
    content = CRITICKER.replace(
        "<tier>", "<WatchedOn>2024-03-08</WatchedOn><rating10>x</rating10><tier>"
    )
    assert read({"a.xml": content}).column("title")[0] == ("Amélie",)


def test_one_line_of_xml_has_its_titles_counted() -> None:
    content = "<recentratings>" + "<film><filmname>Ran</filmname></film>" * 2 + "</recentratings>"
    content = content.replace("</film></rec", "<rating>x</rating></film></rec")
    assert read({"a.xml": content}).notes == [(2, "bad_rating")]


def test_xml_in_a_zip_is_set_aside_where_it_is_no_list() -> None:
    members = {
        "a.csv": b"Title,Year\nHeat,1995\n",
        "b.xml": b"<opml/>",
        "c.xml": CRITICKER.encode(),
        "d.nfo": b"Released by somebody\nGreetings to all\n",
    }
    found = read({"all.zip": zipped(members)})
    assert {file["name"]: file["set_aside"] for file in found.report["files"]} == {
        "a.csv": None,
        "b.xml": "is no list",
        "c.xml": None,
        "d.nfo": "is no list",
    }


LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("content", "reason", "said"),
    [
        (f'<!DOCTYPE a [<!ENTITY a0 "ha">{LAUGHS}]><rss>&a9;</rss>', "broken_xml", "DTD"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><rss/>', "broken_xml", "DTD"),
        ('<!DOCTYPE a SYSTEM "http://127.0.0.1:9/"><rss/>', "broken_xml", "DTD"),
        ("<rss><channel>&pacino;</channel></rss>", "broken_xml", "undefined entity"),
        ("<rss><channel>", "broken_xml", "no element found"),
        ("<rss>" + "<a>" * 200, "broken_xml", "nested too deeply"),
        ("<rss><channel/></rss>", "no_usable_rows", "Letterboxd's RSS"),
        ("<playlist><t>Heat</t></playlist>", "no_title_column", "<playlist>"),
        (b"<rss>\xff</rss>", "bad_encoding", "UTF-8"),
        ('<?xml version="1.0" encoding="idna"?><rss/>', "no_usable_rows", "RSS"),
        ("<html><body><p>Heat</p></body></html>", "no_title_column", "web page"),
    ],
)
def test_refusal_says_what_it_is_and_what_to_do(
    content: str | bytes, reason: str, said: str
) -> None:
    error = refused(content)
    assert error.reason == reason
    assert said in error.detail


@pytest.mark.parametrize(
    ("content", "limit"),
    [
        (f"<recentratings {'x' * 3_000_000}", "item_size"),
        (f"<recentratings><!-- {'x' * 3_000_000}", "item_size"),
        ("<recentratings>" + "".join(f"<a{n}/>" for n in range(2_000)), "names"),
        (f"<recentratings><film><quote>{'x ' * 600_000}", "item_size"),
        (f"<recentratings><film>{'<quote/>' * 20_000}", "item_size"),
        (f"<table><tr><td {'x' * 3_000_000}", "item_size"),
    ],
)
def test_what_no_list_has_is_too_costly(content: str, limit: str) -> None:
    with pytest.raises(ListTooCostly) as caught:
        read({"a.xml": content})
    assert caught.value.limit == limit


def test_too_many_elements_are_too_costly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_stream, "MAX_ELEMENTS", 1_000)
    with pytest.raises(ListTooCostly, match="1,000 elements"):
        read({"a.xml": f"<recentratings>{'<a/>' * 1_000}</recentratings>"})


def test_large_file_of_titles_is_never_held() -> None:
    film = "<film><filmname>Heat (1995)</filmname><summary>" + "x" * 20_000 + "</summary></film>"
    content = f"<recentratings>{film * 500}</recentratings>"
    tracemalloc.start()
    try:
        read({"a.xml": content})
        assert tracemalloc.get_traced_memory()[1] < len(content) + (4 << 20)
    finally:
        tracemalloc.stop()


KINOPOISK = """<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "x.dtd">
<html><head><title>оценки</title>
<meta http-equiv="content-type" content="text/html; charset=windows-1251" />
<style>td > b { color: red }</style></head><body><!-- <tr><td>no</td></tr> --><table>
<tr><td><i>русскоязычное название</i></td><td><i>оригинальное название</i></td><td>год</td>
 <td>страны</td><td>моя оценка</td><td>рейтинг КиноПоиска</td><td>дата и время</td></tr>
<tr><td nowrap><b>Схватка</b></td><td>Heat</td><td>1995</td><td>США</td><td>9</td><td>8,1</td>
 <td>10:53:27 09.03.2024</td></tr><tr>
 <td>Летят журавли</td><td></td><td>1957</td><td>СССР</td><td>zero</td><td>8,2</td><td></td></tr>
<tr><td>Остаться в живых</td><td>Lost</td><td>2004 &ndash; 2010</td><td></td><td>10</td></tr>
<tr><td>Том и Джерри</td><td>Tom &amp; Jerry<br/>(film)</td><td>2021</td><td></td><td>5</td></tr>
</table></body></html>"""


def test_kinopoisk_table_under_the_name_of_a_workbook() -> None:
    found = read({"kinopoisk.xls": KINOPOISK.encode("cp1251")})
    assert found.formats == ["kinopoisk"]
    assert found.column("title", "year", "watched", "rating_original") == [
        ("Heat", "1995", "t", "9/10"),
        ("Tom & Jerry (film)", "2021", "t", "5/10"),
        ("Летят журавли", "1957", "f", ""),
    ]
    assert found.aside == [(10, "tv_series")]
    assert json_rated(found.movies[0]["origins"]) == "2024-03-09"


def test_kinopoisk_list_that_is_called_a_watchlist_is_planned() -> None:
    found = read({"watchlist.xls": KINOPOISK.replace("<td>9<", "<td>zero<").encode("cp1251")})
    assert found.column("title", "watched", "in_watchlist") == [
        ("Tom & Jerry (film)", "t", "t"),
        ("Heat", "f", "t"),
        ("Летят журавли", "f", "t"),
    ]


def test_any_table_of_a_web_page_is_read_as_a_csv_is() -> None:
    rows = "<tr><th colspan=2>Title<th>Year</tr>\n<tr><td>Heat<td><td>1995</tr><tr><td>Ran<td><td>x"
    found = read({"a.html": f"<html><table>{rows}</table>"})
    assert found.column("title", "year") == [("Heat", "1995"), ("Ran", "")]
    assert found.notes == [(3, "bad_year")]
