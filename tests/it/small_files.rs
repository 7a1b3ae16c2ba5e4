//! The small files beside the store's: whole or not at all, and what was said to be written is there.

use std::{fs, path::Path};

use curfew::store::{LineFile, read_small_file, replace_small_file};

#[test]
fn what_was_written_is_read_and_nothing_else_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("name.ending");
    assert_eq!(read_small_file(&path, 10).unwrap(), None);
    for content in ["one", "", "another"] {
        replace_small_file(&path, content.as_bytes()).unwrap();
        assert_eq!(read_small_file(&path, 10).unwrap().unwrap(), content.as_bytes());
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    assert!(read_small_file(&path, 6).unwrap_err().to_string().contains("longer than"));
    assert!(replace_small_file(&directory.path().join("none").join("x"), b"").is_err());
}

fn lines(path: &Path) -> Vec<String> {
    LineFile::open(path, 3).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_last_lines_are_there_again_and_the_file_stays_short() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lines");
    let mut file = LineFile::open(&path, 3).unwrap();
    for number in 0_i32..50 {
        file.append(&[number.to_string()]).unwrap();
        let expected: Vec<String> = ((number - 2).max(0)..=number).map(|number| number.to_string()).collect();
        assert_eq!(lines(&path), expected);
        assert!(fs::read_to_string(&path).unwrap().lines().count() <= 6);
    }
    file.append(&(100..120).map(|number| number.to_string()).collect::<Vec<_>>()).unwrap();
    assert_eq!(lines(&path), ["117", "118", "119"]);
    let mut again = LineFile::open(&path, 3).unwrap();
    again.append(&["more".to_owned()]).unwrap();
    assert_eq!(lines(&path), ["118", "119", "more"]);
}

#[test]
fn a_line_that_was_torn_is_dropped_wherever_it_was_torn() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lines");
    let whole = "first\nsecond é\nthird\n";
    for length in 0..=whole.len() {
        fs::write(&path, &whole.as_bytes()[..length]).unwrap();
        let ends = whole.as_bytes()[..length].iter().filter(|byte| **byte == b'\n').count();
        let expected = &["first", "second é", "third"][..ends];
        assert_eq!(lines(&path), expected, "{length}");
        LineFile::open(&path, 3).unwrap().append(&["new".to_owned()]).unwrap();
        assert_eq!(lines(&path).last().map(String::as_str), Some("new"));
        assert_eq!(lines(&path).len(), (expected.len() + 1).min(3), "{length}");
    }
}

#[test]
fn what_could_not_be_written_can_be_written_again() {
    let directory = tempfile::tempdir().unwrap();
    let (below, path) = (directory.path().join("below"), directory.path().join("below/lines"));
    let [one, two] = ["one".to_owned(), "two".to_owned()];
    let mut file = LineFile::open(&path, 3).unwrap();
    assert!(file.append(std::slice::from_ref(&one)).is_err());
    fs::create_dir(below).unwrap();
    file.append(&[one, two]).unwrap();
    assert_eq!(lines(&path), ["one", "two"]);
}
