"""What must be mounted so that paths lead through links where they lead on the host."""

import pytest
from mmlu_kit.jobs import mounts


@pytest.fixture
def links(tmp_path, monkeypatch):
    """Folders on two disks, and links from the working directory to them."""
    for folder in ("here/inside", "disk/deep/folder", "other"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "disk/deep/folder/file").touch()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "other/hop").symlink_to("../disk/deep")
    (tmp_path / "here/absolute").symlink_to(tmp_path / "other/hop")
    (tmp_path / "here/relative").symlink_to("../disk/deep/folder")
    (tmp_path / "here/within").symlink_to("inside")
    (tmp_path / "here/nowhere").symlink_to("missing")
    (tmp_path / "here/loop").symlink_to("loop")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("inside", ["here/inside"]),
        ("missing", []),
        ("nowhere", []),
        ("loop", []),
        ("within", ["here/within", "here/inside"]),
        ("relative/file", ["here/relative/file", "disk/deep/folder/file"]),
        ("absolute/folder", ["here/absolute/folder", "other/hop/folder", "disk/deep/folder"]),
        ("../other/hop", ["other/hop", "disk/deep"]),
        ("absolute/../../other", ["here/absolute", "other/hop", "other"]),
    ],
)
def test_a_path_has_a_name_for_each_link_on_its_way(links, path, names):
    assert mounts.names(path) == [links / name for name in names]


def test_only_what_no_mounted_folder_shows_is_mounted(links):
    here, deep = links / "here", links / "disk/deep"
    expected = {here: here, links / "other/hop/folder": deep / "folder", deep / "folder": deep / "folder"}
    assert mounts.mounts([here, "within", "relative", "absolute/folder", "missing"]) == expected


def test_links_are_found_in_folders_that_links_lead_to_and_a_loop_ends(links):
    (links / "disk/deep/back").symlink_to(links / "here")
    names = {path.relative_to(links / "here").as_posix() for path in mounts.links(links / "here")}
    assert names == {"absolute", "relative", "within", "nowhere", "loop", "absolute/back"}
    assert not list(mounts.links(links / "disk/deep/folder/file"))


def test_a_path_is_kept_as_it_is_named_unless_a_link_is_on_its_way(links):
    assert mounts.real("inside") == "inside" and mounts.real("../here/inside") == "../here/inside"
    assert mounts.real("relative") == str(links / "disk/deep/folder")


def test_any_sign_in_a_path_survives():
    rows = mounts.rows({path: path for path in map(mounts.Path, ["/a,b", "/a:b", '/"a" b', "/it's", "/é\nb"])})
    assert mounts.read(mounts.write(rows)) == rows
    assert [mounts.place_of(row) for row in rows] == [mounts.Path(row[1].removeprefix("src=")) for row in rows]
    assert mounts.place_of(["type=bind"]) is None
